"""Every error and warning that the zoo raises on purpose: what was given, what was expected, what to do."""


class ZooError(Exception):
    """Base of all errors that a user can repair."""


class InputError(ZooError):
    """An image, array or path cannot be used as input."""


class DataError(ZooError):
    """A data set does not have the expected layout or content."""


class OutputError(ZooError):
    """A result cannot be written: something is in the way, may not be overwritten, or the place is full or closed."""


class UnexpectedError(ZooError):
    """One image of many ended in an error that nobody foresaw, a bug; `__cause__` is that error, with its traceback."""


class RegistryError(ZooError):
    """registry.yaml is wrong, or a name is not in it."""


class BackendError(ZooError):
    """The asked framework or device is not there."""


class CheckpointError(ZooError):
    """A weight file is missing, damaged or not the registered one."""


class NotCachedError(CheckpointError):
    """A weight file is not on this machine and may not be downloaded now."""


class WeightsError(ZooError):
    """Weights do not fit the network, or it answers with NaN."""


class ConfigError(ZooError):
    """An option is unknown or out of range."""


class TrainingError(ZooError):
    """Training cannot start or had to stop."""


class ZooWarning(UserWarning):
    """Base of all warnings of the zoo."""


class DeviceFallbackWarning(ZooWarning):
    """The asked device is absent; another is used."""


class BelowBaselineWarning(ZooWarning):
    """A finished run scores worse than the trivial predictor."""


class HeadReinitialisedWarning(ZooWarning):
    """Some weights of the checkpoint did not fit the new classes and start anew."""


class PluginWarning(ZooWarning):
    """An installed plug-in, or one of its algorithms, cannot be used and is left out."""


class ScopeWarning(ZooWarning):
    """An image is unlike those that the model was trained on."""
