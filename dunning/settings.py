"""Settings come from environment variables alone, read strictly, the same everywhere: nothing exists only in production.

docs/configuration.md lists every variable. What is missing is refused where it is used (Django refuses an empty SECRET_KEY,
and a database without an address), so that commands needing neither run without any.
"""

from pathlib import Path
from urllib.parse import urlsplit

from celery.schedules import crontab
from csp.constants import NONCE, NONE, SELF

from dunning import environment, logs

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Identity ---------------------------------------------------------------------------------------------------------------
SECRET_KEY = environment.text("SECRET_KEY")
SECRET_KEY_FALLBACKS = environment.words("SECRET_KEY_FALLBACKS")
FIELD_ENCRYPTION_KEY = environment.fernet_key("FIELD_ENCRYPTION_KEY")
PUBLIC_BASE_URL = environment.base_url("PUBLIC_BASE_URL", "http://127.0.0.1:8000")
DEBUG = environment.boolean("DEBUG", False)

_public = urlsplit(PUBLIC_BASE_URL)
_secure = _public.scheme == "https"
TRIAL = environment.trial("TRIAL", public=_secure)  # tests alone: shorter leases, another day, processes that die on purpose
FAILPOINT = environment.failpoints("FAILPOINT", allowed=bool(TRIAL))
ALLOWED_HOSTS = [_public.hostname or "", *environment.words("ALLOWED_HOSTS"), "127.0.0.1", "localhost"]  # the last two: health probes
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]

# --- Applications -----------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "pgtrigger",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "lucide",
    "drf_spectacular_sidecar",
    "dunning.core",
    "customers",
    "invoices",
    "notifications",
    "scenarios",
    "dunning.dashboard",
    "dunning.portal",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dunning.core.middleware.TenantMiddleware",
]
ROOT_URLCONF = "dunning.urls"
WSGI_APPLICATION = "dunning.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "dunning.dashboard.context.frame",
            ],
        },
    }
]

# --- Database: the application's role every day, the owner's for migrations --------------------------------------------------
DATABASES = {"default": environment.database("DATABASE_URL"), "owner": environment.database("DATABASE_OWNER_URL")}
DATABASES["default"] |= {
    "CONN_MAX_AGE": environment.integer("DATABASE_CONN_MAX_AGE", 60, least=0, most=86_400),
    "CONN_HEALTH_CHECKS": True,
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Broker and cache: neighbouring databases of one Redis or Valkey ---------------------------------------------------------
CELERY_BROKER_URL, _cache_url = environment.redis("REDIS_URL", "redis://127.0.0.1:6379/0")
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": _cache_url, "KEY_PREFIX": "dunning"}}

# Celery is a doorbell: what must happen is in PostgreSQL, and a lost or doubled ring changes nothing. Hence no results, no late
# acknowledgement (it doubles work), nothing prefetched (it strands work) and no eta.
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_keepalive": True, "socket_connect_timeout": 5}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"  # in memory: the schedule is below, and forgetting the last ring costs nothing
CELERY_BEAT_SCHEDULE = {
    "tick": {"task": "scenarios.tick", "schedule": crontab(), "options": {"expires": 55}},
    "follow": {"task": "notifications.follow", "schedule": crontab(minute="17", hour="*/3"), "options": {"expires": 3600}},
    "cards": {"task": "scenarios.cards", "schedule": crontab(minute="37"), "options": {"expires": 3000}},
    "digests": {"task": "scenarios.digests", "schedule": crontab(minute="*/5"), "options": {"expires": 290}},
    "sweep": {"task": "notifications.sweep", "schedule": 30.0, "options": {"expires": 25}},
    "files": {"task": "invoices.sweep", "schedule": 30.0, "options": {"expires": 25}},
    "many": {"task": "scenarios.many_forgotten", "schedule": 30.0, "options": {"expires": 25}},
    "webhooks": {"task": "notifications.webhooks", "schedule": 30.0, "options": {"expires": 25}},
}

# --- People -----------------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "dunning.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # accounts are made by an organization's owner, who knows the address
ACCOUNT_LOGOUT_REDIRECT_URL = "/accounts/login/"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{_public.netloc}] "
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _public.scheme
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # the address is the invitation's: there is nothing to verify, and no page to do it on
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _secure  # localhost during development

# --- Language and time ------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Europe/Paris"

# --- Static files: found where they lie, no collecting step; DEBUG looks again at each request --------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# --- Documents: invoice copies and letters, addressed by their content, which every process must see --------------------------
DOCUMENT_ROOT = environment.text("DOCUMENT_ROOT", str(BASE_DIR / ".local" / "documents"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    "documents": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": DOCUMENT_ROOT}},
}

# --- What a browser may send at once ------------------------------------------------------------------------------------------
FILE_UPLOAD_HANDLERS = [
    "dunning.dashboard.uploads.LimitedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DATA_UPLOAD_MAX_NUMBER_FILES = 2_000  # copies of invoices come by the hundred

# --- Outgoing mail of the product itself and of organizations without a provider of their own --------------------------------
_mail = environment.mail("EMAIL_URL")
EMAIL_BACKEND = (
    f"django.core.mail.backends.{'smtp' if _mail else 'console'}.EmailBackend"  # nothing leaves a machine that was told no server
)
EMAIL_HOST = _mail.get("EMAIL_HOST", "")
EMAIL_PORT = _mail.get("EMAIL_PORT", 25)
EMAIL_HOST_USER = _mail.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = _mail.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = environment.text("DEFAULT_FROM_EMAIL", "relances@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# --- Webhooks: what they may call beside https addresses on the internet -----------------------------------------------------
WEBHOOK_HTTP = environment.boolean("WEBHOOK_HTTP", False)
WEBHOOK_LOOPBACK = environment.loopback("WEBHOOK_LOOPBACK", public=_secure)

# --- Browsers ---------------------------------------------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _secure
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = _secure and not environment.boolean("TLS_REDIRECT_ELSEWHERE", False)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if environment.boolean("BEHIND_PROXY", False) else None
SECURE_HSTS_SECONDS = 31_536_000 if _secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _secure
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = ["security.W021"]  # browsers' preload lists bind a whole domain for years: its owner's choice, not ours
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "manifest-src": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- Programs: the REST API ---------------------------------------------------------------------------------------------------
API_RATE_LIMIT = environment.integer("API_RATE_LIMIT", 6000, least=6, most=1_000_000)
REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None, "UNAUTHENTICATED_TOKEN": None}
SPECTACULAR_SETTINGS = {
    "TITLE": "Dunning",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": "Customers, invoices and payments in; reminders, promises, disputes and their evidence out. How to begin: docs/api.md.",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": ["dunning.api.schema.finish"],
    "DISABLE_ERRORS_AND_WARNINGS": False,
}

# --- Logs -------------------------------------------------------------------------------------------------------------------
LOGGING = logs.from_environment()
logs.configure_structlog()

# Every Django process, whichever door it came through, must know the application that @shared_task binds to.
from dunning import celery as _celery  # noqa: E402, F401 - tasks find their application by this import
