"""Errors of the trace store; each message tells readers how to respond."""


class TraceStoreError(Exception):
    """Base of all errors of the trace store."""


class NothingPublished(TraceStoreError):
    """The study has no current version yet."""


class VersionMissing(TraceStoreError):
    """The requested version is not, or is no longer, in the store."""


class TraceCorrupt(TraceStoreError):
    """A manifest, pointer or file violates the contract: wrong form, size or hash."""


class PublishFailed(TraceStoreError):
    """A version could not be written (disk full, read-only, I/O error); the served one is unchanged."""
