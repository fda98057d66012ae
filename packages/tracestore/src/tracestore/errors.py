"""What can go wrong with a trace store, told so that a reader knows what to do."""


class TraceStoreError(Exception):
    """Base of all errors of the trace store."""


class NothingPublished(TraceStoreError):
    """The study has no current version yet."""


class VersionMissing(TraceStoreError):
    """The version asked for is not, or no longer, in the store."""


class TraceCorrupt(TraceStoreError):
    """A manifest, pointer or file is not what the contract says: wrong form, size or hash."""


class PublishFailed(TraceStoreError):
    """A version could not be written (disk full, read-only, I/O error); what is served is untouched."""
