"""Which e-mail domains say something about a company: everybody may have a mailbox at a public one. Pure."""

from typing import Final

_NAMES: Final = """
gmail.com googlemail.com outlook.com outlook.fr outlook.be outlook.de outlook.es outlook.it hotmail.com hotmail.fr hotmail.be hotmail.de
hotmail.es hotmail.it hotmail.co.uk live.com live.fr live.be live.co.uk live.nl msn.com windowslive.com passport.com yahoo.com yahoo.fr
yahoo.de yahoo.es yahoo.it yahoo.co.uk yahoo.ca yahoo.be ymail.com rocketmail.com icloud.com me.com mac.com aol.com aol.fr gmx.com
gmx.fr gmx.de gmx.net gmx.at gmx.ch web.de t-online.de freenet.de mail.de posteo.de proton.me protonmail.com protonmail.ch pm.me
tutanota.com tuta.io tuta.com fastmail.com fastmail.fm hey.com zoho.com zohomail.com mail.com email.com mail.ru inbox.ru bk.ru list.ru
yandex.ru yandex.com ya.ru qq.com 163.com 126.com duck.com mailbox.org disroot.org riseup.net free.fr orange.fr wanadoo.fr sfr.fr
neuf.fr cegetel.net club-internet.fr laposte.net bbox.fr numericable.fr noos.fr aliceadsl.fr libertysurf.fr voila.fr nordnet.fr
dbmail.com caramail.com netcourrier.com mailo.com skynet.be telenet.be proximus.be scarlet.be voo.be bluewin.ch hispeed.ch sunrise.ch
libero.it virgilio.it tiscali.it alice.it tin.it telefonica.net terra.es sapo.pt ziggo.nl kpnmail.nl planet.nl xs4all.nl home.nl
hetnet.nl btinternet.com sky.com virginmedia.com talktalk.net ntlworld.com blueyonder.co.uk o2.pl wp.pl onet.pl interia.pl seznam.cz
centrum.cz yopmail.com yopmail.fr mailinator.com guerrillamail.com trashmail.com jetable.org 10minutemail.com temp-mail.org
"""
_PUBLIC: Final = frozenset(_NAMES.split())


def domain_of(address: str) -> str:
    """The domain of an e-mail address, in the form servers compare; "" when there is none."""
    domain = address.strip().rpartition("@")[2].rstrip(".").lower()
    try:
        return domain.encode("idna").decode()
    except UnicodeError:
        return ""


def is_public(domain: str) -> bool:
    """Whether anybody may have a mailbox there: such an address says nothing about who employs its owner."""
    return domain in _PUBLIC
