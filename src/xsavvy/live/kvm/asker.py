# SPDX-License-Identifier: Apache-2.0
"""Ask a /dev/kvm: cases come in as JSON lines, answers go out as JSON lines.

This file stands alone: it needs nothing but Python's standard library, so that it can also be run inside the machine
of another kernel. A case is a list of calls on one fresh VM with one vCPU; an answer is a list of their results. An
error is a negative errno. Source: Documentation/virt/kvm/api.rst for the calls and structures.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import mmap
import os
import platform
import struct
import sys
from typing import Any

NAME = "/dev/kvm"
READ, WRITE = 2, 1
PAGE = 4096
ENTRIES = 256
GUEST_BYTES = 0x10000
XSAVE_BYTES = 4096
MARK = 0x7000
RUN_EXITS = 64


def _number(nr: int, size: int = 0, direction: int = 0) -> int:
    return direction << 30 | size << 16 | 0xAE << 8 | nr


CREATE_VM, CHECK_EXTENSION, VCPU_MMAP_SIZE = _number(0x01), _number(0x03), _number(0x04)
GET_MSR_INDEX_LIST = _number(0x02, 4, READ | WRITE)
GET_SUPPORTED_CPUID = _number(0x05, 8, READ | WRITE)
GET_DEVICE_ATTR = _number(0xE2, 24, WRITE)
CREATE_VCPU, SET_TSS_ADDR = _number(0x41), _number(0x47)
SET_USER_MEMORY_REGION = _number(0x46, 32, WRITE)
RUN = _number(0x80)
GET_REGS, SET_REGS = _number(0x81, 0x90, READ), _number(0x82, 0x90, WRITE)
GET_SREGS, SET_SREGS = _number(0x83, 0x138, READ), _number(0x84, 0x138, WRITE)
GET_MSRS, SET_MSRS = _number(0x88, 8, READ | WRITE), _number(0x89, 8, WRITE)
SET_CPUID2, GET_CPUID2 = _number(0x90, 8, WRITE), _number(0x91, 8, READ | WRITE)
GET_XSAVE, SET_XSAVE = _number(0xA4, 4096, READ), _number(0xA5, 4096, WRITE)
GET_XCRS, SET_XCRS = _number(0xA6, 392, READ), _number(0xA7, 392, WRITE)
GET_XSAVE2 = _number(0xCF, 4096, READ)
GET_FPU, SET_FPU = _number(0x8C, 416, READ), _number(0x8D, 416, WRITE)

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p]


def ioctl(fd: int, request: int, argument: Any = 0) -> int:
    """Make one call; return its result, or a negative errno."""
    pointer = argument if isinstance(argument, int) else ctypes.addressof(argument)
    result = _libc.ioctl(fd, request, pointer)
    return result if result >= 0 else -ctypes.get_errno()


def _buffer(size: int, data: bytes | bytearray = b"") -> Any:
    return ctypes.create_string_buffer(bytes(data), max(size, len(data)))


def _must(result: int) -> int:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result


def cpuid_entries(fd: int, request: int) -> list[list[int]] | int:
    """Read CPUID entries: function, index, flags, eax, ebx, ecx, edx each; or a negative errno."""
    buffer = _buffer(8 + 40 * ENTRIES)
    struct.pack_into("<I", buffer, 0, ENTRIES)
    result = ioctl(fd, request, buffer)
    if result < 0:
        return result
    (count,) = struct.unpack_from("<I", buffer, 0)
    return [list(struct.unpack_from("<7I", buffer, 8 + 40 * each)) for each in range(count)]


class Guest:
    """One VM with one vCPU and a little memory at address 0, in real mode."""

    def __init__(self, device: int) -> None:
        self.vm = _must(ioctl(device, CREATE_VM, 0))
        self.vcpu = -1
        self.memory: mmap.mmap | None = None
        self.run_page: mmap.mmap | None = None
        try:
            self.device = device
            ioctl(self.vm, SET_TSS_ADDR, 0xFFFBD000)
            self.vcpu = _must(ioctl(self.vm, CREATE_VCPU, 0))
            self.run_page = mmap.mmap(self.vcpu, _must(ioctl(device, VCPU_MMAP_SIZE)))
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Give everything back."""
        if self.run_page is not None:
            self.run_page.close()
        for fd in (self.vcpu, self.vm):
            if fd >= 0:
                os.close(fd)

    # CPUID.

    def set_cpuid(self, entries: list[list[int]]) -> int:
        """KVM_SET_CPUID2."""
        buffer = _buffer(8 + 40 * max(1, len(entries)))
        struct.pack_into("<I", buffer, 0, len(entries))
        for place, entry in enumerate(entries):
            struct.pack_into("<7I", buffer, 8 + 40 * place, *entry)
        return ioctl(self.vcpu, SET_CPUID2, buffer)

    def get_cpuid(self) -> list[list[int]] | int:
        """KVM_GET_CPUID2."""
        return cpuid_entries(self.vcpu, GET_CPUID2)

    # XCR0 and MSRs.

    def set_xcrs(self, entries: list[list[int]], flags: int, count: int) -> int:
        """KVM_SET_XCRS with [xcr, value] entries; `count` is what the call claims."""
        buffer = _buffer(392)
        struct.pack_into("<II", buffer, 0, count & 0xFFFFFFFF, flags)
        for place, (xcr, value) in enumerate(entries[:16]):
            struct.pack_into("<IIQ", buffer, 8 + 16 * place, xcr, 0, value)
        return ioctl(self.vcpu, SET_XCRS, buffer)

    def get_xcr0(self) -> int:
        """KVM_GET_XCRS: the value of XCR0, or a negative errno."""
        buffer = _buffer(392)
        result = ioctl(self.vcpu, GET_XCRS, buffer)
        return struct.unpack_from("<Q", buffer, 16)[0] if result >= 0 else result

    def set_msr(self, index: int, value: int) -> int:
        """KVM_SET_MSRS with one entry: how many were set."""
        buffer = _buffer(24)
        struct.pack_into("<IIIIQ", buffer, 0, 1, 0, index, 0, value)
        return ioctl(self.vcpu, SET_MSRS, buffer)

    def get_msr(self, index: int) -> list[int]:
        """KVM_GET_MSRS with one entry: how many were read, and the value."""
        buffer = _buffer(24)
        struct.pack_into("<IIIIQ", buffer, 0, 1, 0, index, 0, 0)
        result = ioctl(self.vcpu, GET_MSRS, buffer)
        return [result, struct.unpack_from("<Q", buffer, 16)[0]]

    # XSAVE images.

    def set_xsave(self, header: str, mxcsr: int, fcw: int, fill: int) -> int:
        """KVM_SET_XSAVE: 64 header bytes (hex), MXCSR, FCW; `fill` seeds the other bytes, 0 leaves them zero."""
        image = bytearray(filler(fill))
        struct.pack_into("<H", image, 0, fcw)
        struct.pack_into("<I", image, 24, mxcsr)
        image[512:576] = bytes.fromhex(header)
        return ioctl(self.vcpu, SET_XSAVE, _buffer(XSAVE_BYTES, image))

    def get_xsave(self, spans: list[list[int]], second: bool = False) -> list[Any] | int:
        """KVM_GET_XSAVE(2): header (hex), FCW, MXCSR, the kernel's XCR0, and a digest of each span [offset, size]."""
        buffer = _buffer(max(XSAVE_BYTES, 1 << 16))
        result = ioctl(self.vcpu, GET_XSAVE2 if second else GET_XSAVE, buffer)
        if result < 0:
            return result
        image = buffer.raw
        digests = [digest(image[start : start + size]) for start, size in spans]
        fcw, mxcsr = struct.unpack_from("<H", image, 0)[0], struct.unpack_from("<I", image, 24)[0]
        return [image[512:576].hex(), fcw, mxcsr, struct.unpack_from("<Q", image, 464)[0], digests]

    def set_fpu(self, fcw: int, fill: int) -> int:
        """KVM_SET_FPU: FCW, and registers from a seed."""
        data = bytearray(filler(fill)[:416])
        data[128:132] = struct.pack("<HH", fcw, 0)
        data[408:412] = struct.pack("<I", 0x1F80)
        return ioctl(self.vcpu, SET_FPU, _buffer(416, data))

    # Running.

    def set_cr4(self, cr4: int) -> int:
        """KVM_SET_SREGS with another CR4."""
        buffer = _buffer(0x138)
        _must(ioctl(self.vcpu, GET_SREGS, buffer))
        struct.pack_into("<Q", buffer, 224 + 24, cr4)
        return ioctl(self.vcpu, SET_SREGS, buffer)

    def get_cr4(self) -> int:
        """KVM_GET_SREGS: CR4."""
        buffer = _buffer(0x138)
        result = ioctl(self.vcpu, GET_SREGS, buffer)
        return struct.unpack_from("<Q", buffer, 224 + 24)[0] if result >= 0 else result

    def run(self, code: str) -> list[Any]:
        """Run real-mode code (hex) to its HLT; return the exit reason, the vector that was taken (-1: none), registers.

        Every exception goes to a stub that notes its vector; the registers are eax, ebx, ecx, edx.
        """
        memory = self._load(bytes.fromhex(code))
        assert self.run_page is not None
        reason = -1
        for _ in range(RUN_EXITS):
            result = ioctl(self.vcpu, RUN)
            if result < 0 and result != -errno.EINTR:
                return [result, -1, []]
            (reason,) = struct.unpack_from("<I", self.run_page, 8)
            if result >= 0:
                break
        registers = _buffer(0x90)
        _must(ioctl(self.vcpu, GET_REGS, registers))
        rax, rbx, rcx, rdx = (each & 0xFFFFFFFF for each in struct.unpack_from("<4Q", registers, 0))
        (vector,) = struct.unpack_from("<h", memory, MARK)
        return [reason, vector, [rax, rbx, rcx, rdx]]

    def _load(self, code: bytes) -> mmap.mmap:
        """Lay out memory: vectors at 0, their stubs at 0x1000, the code at 0x2000, the mark at 0x7000."""
        memory = self.memory = mmap.mmap(-1, GUEST_BYTES)
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for vector in range(32):
            struct.pack_into("<HH", memory, 4 * vector, 0x1000 + 16 * vector, 0)
            # mov word [MARK], vector; hlt
            stub = bytes((0xC7, 0x06)) + struct.pack("<Hh", MARK, vector) + b"\xf4"
            memory[0x1000 + 16 * vector : 0x1000 + 16 * vector + len(stub)] = stub
        memory[0x2000 : 0x2000 + len(code)] = code
        struct.pack_into("<h", memory, MARK, -1)
        region = _buffer(32, struct.pack("<IIQQQ", 0, 0, 0, GUEST_BYTES, address))
        _must(ioctl(self.vm, SET_USER_MEMORY_REGION, region))
        sregs = _buffer(0x138)
        _must(ioctl(self.vcpu, GET_SREGS, sregs))
        for place in range(6):
            segment = struct.pack(
                "<QIHBBBBBBBBBB", 0, 0xFFFF, 0, 0xB if place == 0 else 3, 1, 0, 0, 1, 0, 0, 0, 0, 0
            )
            struct.pack_into("<24s", sregs, 24 * place, segment)
        _must(ioctl(self.vcpu, SET_SREGS, sregs))
        values = [0] * 18
        values[6], values[16], values[17] = 0x6F00, 0x2000, 2
        _must(ioctl(self.vcpu, SET_REGS, _buffer(0x90, struct.pack("<18Q", *values))))
        return memory


def filler(seed: int) -> bytes:
    """Return the bytes of an image: zeros for 0, else bytes that follow from the seed."""
    if not seed:
        return bytes(XSAVE_BYTES)
    return hashlib.shake_128(seed.to_bytes(8, "little")).digest(XSAVE_BYTES)


def digest(data: bytes | bytearray) -> str:
    """Return a short digest of bytes."""
    return hashlib.blake2s(data, digest_size=8).hexdigest()


# Calls on the device itself.


def device_attr(device: int, group: int, attribute: int) -> list[int]:
    """KVM_GET_DEVICE_ATTR on /dev/kvm: the errno or 0, and the value."""
    value = _buffer(8)
    argument = _buffer(24, struct.pack("<IIQQ", 0, group, attribute, ctypes.addressof(value)))
    return [ioctl(device, GET_DEVICE_ATTR, argument), struct.unpack("<Q", value.raw[:8])[0]]


def msr_list(device: int) -> list[int] | int:
    """KVM_GET_MSR_INDEX_LIST."""
    buffer = _buffer(4 + 4 * 1024)
    struct.pack_into("<I", buffer, 0, 1024)
    result = ioctl(device, GET_MSR_INDEX_LIST, buffer)
    if result < 0:
        return result
    (count,) = struct.unpack_from("<I", buffer, 0)
    return sorted(struct.unpack_from(f"<{count}I", buffer, 4))


def met() -> dict[str, Any]:
    """Say which kernel and module answer, on which processor."""
    modules = [name for name in ("kvm_intel", "kvm_amd") if os.path.exists("/sys/module/" + name)]
    found = os.listdir("/sys/module") if os.path.exists("/sys/module") else []
    others = [name for name in found if name.startswith("kvm_") and name not in modules]
    return {
        "kernel": platform.release(),
        "modules": modules + sorted(others),
        "cpu": _cpu(),
    }


def _cpu() -> list[str]:
    try:
        with open("/proc/cpuinfo") as file:
            lines = [line.split(":", 1) for line in file if ":" in line]
    except OSError:
        return ["", ""]
    fields = {line[0].strip(): line[1].strip() for line in lines}
    return [fields.get("vendor_id", ""), fields.get("model name", "")]


def answer(device: int, calls: list[list[Any]]) -> list[Any]:
    """Make the calls of one case on a fresh VM; return their results."""
    guest: Guest | None = None
    results: list[Any] = []
    try:
        for name, *arguments in calls:
            if name == "check_extension":
                results.append(ioctl(device, CHECK_EXTENSION, arguments[0]))
            elif name == "device_attr":
                results.append(device_attr(device, *arguments))
            elif name == "supported_cpuid":
                results.append(cpuid_entries(device, GET_SUPPORTED_CPUID))
            elif name == "msr_list":
                results.append(msr_list(device))
            elif name == "met":
                results.append(met())
            else:
                guest = guest or Guest(device)
                results.append(getattr(guest, name)(*arguments))
    finally:
        if guest is not None:
            guest.close()
    return results


def main() -> None:
    """Answer the cases on standard input until it ends."""
    device = os.open(NAME, os.O_RDWR | os.O_CLOEXEC)
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(device, json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
