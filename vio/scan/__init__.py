"""State-space scans: three forms of h_t = decay_t h_{t-1} + write_t, and the steps that continue them token by token.

| form | decay | cost a token, in MACs | what it is for |
| :-- | :-- | :-- | :-- |
| `ssd` | a scalar a head | Q N + Q H P + 2 N H P, all matrix products | sequences, streaming, raster scans |
| `selective_scan` | a number a channel and state entry | N D, and 4 N D elementwise | MambaVision, comparison |
| `ssd_noncausal` | none: one state for all tokens | 2 N H P, all matrix products | images |

Each computes in float32 (float64 for float64 input) whatever the input's dtype or autocast, and returns its output in
the input's dtype and its state in full precision.
"""

from vio.scan.noncausal import LOG_WEIGHT_MAX, ssd_noncausal
from vio.scan.selective import selective_scan, selective_step
from vio.scan.ssd import DEFAULT_CHUNK, LOG_DECAY_MIN, MAX_CHUNK, bound_log_decay, segment_length, ssd, ssd_step

__all__ = [
    "DEFAULT_CHUNK",
    "LOG_DECAY_MIN",
    "LOG_WEIGHT_MAX",
    "MAX_CHUNK",
    "bound_log_decay",
    "segment_length",
    "selective_scan",
    "selective_step",
    "ssd",
    "ssd_noncausal",
    "ssd_step",
]
