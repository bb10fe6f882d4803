"""What a gallery and a second look are worth: pairs, queries that are enrolled, and strangers."""
from ._core import eval_identify as identify
from ._core import eval_openset as openset
from ._core import eval_verify as verify

__all__ = ["identify", "openset", "verify"]
