# SPDX-License-Identifier: Apache-2.0
"""Know exactly what happens to XSAVE state between a guest and its KVM host.

The functions and types of `xsavvy.api` are here too, loaded when they are first used.

>>> import xsavvy
>>> xsavvy.check(["pkru-xinuse"], kernel="v6.18", platform="genoa").results[0].verdict
'holds'
"""

from typing import TYPE_CHECKING, Any

from xsavvy.version import __version__

if TYPE_CHECKING:
    from xsavvy.api import (
        UsageError,
        baseline,
        campaign,
        campaign_results,
        check,
        check_image,
        conform_kvm,
        conform_silicon,
        convert_image,
        convert_images,
        cpu,
        diff,
        diff_images,
        export,
        exposes,
        fleet,
        fleet_pairs,
        gallery,
        known_bugs,
        listing,
        run,
        save_set,
        show_image,
        trace,
    )

__all__ = [
    "UsageError",
    "__version__",
    "baseline",
    "campaign",
    "campaign_results",
    "check",
    "check_image",
    "conform_kvm",
    "conform_silicon",
    "convert_image",
    "convert_images",
    "cpu",
    "diff",
    "diff_images",
    "export",
    "exposes",
    "fleet",
    "fleet_pairs",
    "gallery",
    "known_bugs",
    "listing",
    "run",
    "save_set",
    "show_image",
    "trace",
]


def __getattr__(name: str) -> Any:
    """Load the public API when one of its names is asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'xsavvy' has no attribute {name!r}")
    from xsavvy import api  # start-up is a feature

    return getattr(api, name)
