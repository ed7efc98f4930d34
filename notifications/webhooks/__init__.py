"""Outgoing webhooks: what happened here, told to the organization's own systems after the Standard Webhooks specification.

`fan_out` turns events into deliveries, `delivering` makes the calls, `endpoints` and `replays` are what people do about them, `log` is what
they look at. Promised to receivers (docs/webhooks.md): at least once, in no particular order, under an id that never changes.
"""
