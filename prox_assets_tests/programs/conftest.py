"""Properties are about answers, not about the time one example takes on a busy machine."""

from hypothesis import settings

settings.register_profile("programs", deadline=None)
settings.load_profile("programs")
