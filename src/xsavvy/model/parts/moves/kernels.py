# SPDX-License-Identifier: Apache-2.0
"""What commits change in a move: the base's answers and a delta for each commit that differs from them.

Both kernels of a move answer these questions, each for its own host.
"""

from collections.abc import Mapping
from enum import IntEnum

from xsavvy.model.delta import Delta

from .values import (
    AbsentPkru,
    AfterRefusal,
    CpuidXsave,
    FpstateSize,
    GuestModel,
    HostFormat,
    ImageScope,
    InitStates,
    RestoreOrder,
    SavedMsrs,
    SizeAlign,
    TileGuests,
    UabiSize,
    XsaveHeader,
    XsaveXfd,
    XssToBeSaved,
)

__all__ = ["DEFAULTS", "DELTAS"]

DEFAULTS: Mapping[str, IntEnum] = {
    "image_scope": ImageScope.GUEST,
    "host_format": HostFormat.CONVERTED,
    "xsave_header": XsaveHeader.CHECKED,
    "xsave_xfd": XsaveXfd.KEPT,
    "uabi_size": UabiSize.HOST_DEFAULT,
    "init_states": InitStates.INIT_FPSTATE,
    "fpstate_size": FpstateSize.USER,
    "size_align": SizeAlign.HONOURED,
    "tile_guests": TileGuests.YES,
    "xss_to_be_saved": XssToBeSaved.NO,
    "cpuid_xsave": CpuidXsave.KERNEL,
    "restore_order": RestoreOrder.QEMU,
    "saved_msrs": SavedMsrs.ADVERTISED,
    "after_refusal": AfterRefusal.STOPS,
    "absent_pkru": AbsentPkru.LEFT,
    "guest_model": GuestModel.ANY,
}
"""The answers of the base, and what a careful VMM does."""

DELTAS: Mapping[str, Delta] = {
    "f31a9f7c7169": Delta(lacks={"host_format": HostFormat.STANDARD}),
    "df1daba7d1cb": Delta(lacks={"host_format": HostFormat.COPIED}),
    "316314ca": Delta(lacks={"cpuid_xsave": CpuidXsave.PROCESSOR}),
    "69f6ed1d14c6": Delta(lacks={"fpstate_size": FpstateSize.KERNEL}),
    "d69c1382e1b7": Delta(lacks={"xsave_header": XsaveHeader.IGNORED}),
    "be50b2065dfa": Delta(
        lacks={"uabi_size": UabiSize.KVM_XSAVE, "init_states": InitStates.ZEROES}
    ),
    "86aff7a47992": Delta(lacks={"tile_guests": TileGuests.NO}),
    "cc04b6a21d43": Delta(lacks={"size_align": SizeAlign.IGNORED}),
    "ad856280ddea": Delta(lacks={"image_scope": ImageScope.HOST}),
    "d187ba531230": Delta(sets={"uabi_size": UabiSize.KVM_XSAVE}),
    "a1020a25e697": Delta(sets={"image_scope": ImageScope.GUEST_AND_LEGACY}),
    "471f0aa7fa64": Delta(sets={"init_states": InitStates.ZEROES}),
    "8647c52e9504": Delta(sets={"image_scope": ImageScope.AT_GET}),
    "1937e18cc3cf": Delta(sets={"fpstate_size": FpstateSize.KERNEL}),
    "c0a5f2989122": Delta(sets={"xss_to_be_saved": XssToBeSaved.YES}),
    "b45f72177594": Delta(sets={"xsave_xfd": XsaveXfd.DROPPED}),
}
