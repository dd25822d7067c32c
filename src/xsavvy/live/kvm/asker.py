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
ENTRIES = 256
GUEST_BYTES, XSAVE_BYTES = 0x10000, 4096
MARK = 0x7000
RUN_EXITS = 64


def _number(nr: int, size: int = 0, direction: int = 0) -> int:
    return direction << 30 | size << 16 | 0xAE << 8 | nr


CREATE_VM, CHECK_EXTENSION, VCPU_MMAP_SIZE = _number(0x01), _number(0x03), _number(0x04)
GET_MSR_INDEX_LIST = _number(0x02, 4, READ | WRITE)
GET_MSR_FEATURE_INDEX_LIST = _number(0x0A, 4, READ | WRITE)
GET_SUPPORTED_CPUID, GET_DEVICE_ATTR = _number(0x05, 8, READ | WRITE), _number(0xE2, 24, WRITE)
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
GET_VCPU_EVENTS, SET_VCPU_EVENTS = _number(0x9F, 64, READ), _number(0xA0, 64, WRITE)
GET_ONE_REG, SET_ONE_REG = _number(0xAB, 16, WRITE), _number(0xAC, 16, WRITE)
GET_REG_LIST = _number(0xB0, 8, READ | WRITE)
VALID_REGS, DIRTY_REGS, SHARED_RBX = 288, 296, 304 + 8
"""Where struct kvm_run has the two masks of register sets, and RBX."""

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

    def _read(self, request: int, size: int) -> Any:
        buffer = _buffer(size)
        _must(ioctl(self.vcpu, request, buffer))
        return buffer

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
        buffer = _buffer(24, struct.pack("<IIIIQ", 1, 0, index, 0, value))
        return ioctl(self.vcpu, SET_MSRS, buffer)

    def get_cpuid_with_room(self, room: int) -> list[int]:
        """KVM_GET_CPUID2 with room for so many entries: the result, and the number that is left in the structure."""
        buffer = _buffer(8 + 40 * ENTRIES)
        struct.pack_into("<I", buffer, 0, room)
        result = ioctl(self.vcpu, GET_CPUID2, buffer)
        return [result, struct.unpack_from("<I", buffer, 0)[0]]

    def reg_list(self) -> int:
        """KVM_GET_REG_LIST: how many registers there are, or a negative errno."""
        buffer = _buffer(8 + 8 * 64, struct.pack("<Q", 64))
        result = ioctl(self.vcpu, GET_REG_LIST, buffer)
        return struct.unpack_from("<Q", buffer, 0)[0] if result >= 0 else result

    def get_reg(self, identifier: int) -> int:
        """KVM_GET_ONE_REG: the value, or a negative errno."""
        value = _buffer(8)
        argument = _buffer(16, struct.pack("<QQ", identifier, ctypes.addressof(value)))
        result = ioctl(self.vcpu, GET_ONE_REG, argument)
        return struct.unpack("<Q", value.raw[:8])[0] if result >= 0 else result

    def set_reg(self, identifier: int, content: int) -> int:
        """KVM_SET_ONE_REG."""
        value = _buffer(8, struct.pack("<Q", content))
        argument = _buffer(16, struct.pack("<QQ", identifier, ctypes.addressof(value)))
        return ioctl(self.vcpu, SET_ONE_REG, argument)

    def get_msr(self, index: int) -> list[int]:
        """KVM_GET_MSRS with one entry: how many were read, and the value."""
        buffer = _buffer(24, struct.pack("<IIIIQ", 1, 0, index, 0, 0))
        result = ioctl(self.vcpu, GET_MSRS, buffer)
        return [result, struct.unpack_from("<Q", buffer, 16)[0]]

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

    def set_cr4(self, cr4: int) -> int:
        """KVM_SET_SREGS with another CR4."""
        return self._set_sregs(224 + 24, cr4)

    def get_cr4(self) -> int:
        """KVM_GET_SREGS: CR4."""
        value: int = struct.unpack_from("<Q", self._read(GET_SREGS, 0x138), 224 + 24)[0]
        return value

    def set_cr0(self, value: int) -> int:
        """KVM_SET_SREGS with another CR0."""
        return self._set_sregs(224, value)

    def _set_sregs(self, place: int, value: int) -> int:
        buffer = self._read(GET_SREGS, 0x138)
        struct.pack_into("<Q", buffer, place, value)
        return ioctl(self.vcpu, SET_SREGS, buffer)

    def set_exception(self, vector: int) -> int:
        """KVM_SET_VCPU_EVENTS with an exception that was being injected."""
        buffer = self._read(GET_VCPU_EVENTS, 64)
        struct.pack_into("<BB", buffer, 0, 1, vector)
        return ioctl(self.vcpu, SET_VCPU_EVENTS, buffer)

    def sync_run(self, valid: int, dirty: int, shared: int, rbx: int | None) -> list[int]:
        """KVM_RUN of a guest that adds 1 to RBX and halts, with registers in struct kvm_run.

        `shared` is put there first, `rbx` into the vCPU unless None; returned are the result and what both then are.
        """
        assert self.run_page is not None
        if self.memory is None:
            self._load(bytes.fromhex("6643f4ebfb"))  # inc ebx; hlt; jmp to the first
        if rbx is not None:
            registers = self._read(GET_REGS, 0x90)
            struct.pack_into("<Q", registers, 8, rbx)
            _must(ioctl(self.vcpu, SET_REGS, registers))
        struct.pack_into("<QQ", self.run_page, VALID_REGS, valid, dirty)
        struct.pack_into("<Q", self.run_page, SHARED_RBX, shared)
        result = self._run()
        (seen,) = struct.unpack_from("<Q", self.run_page, SHARED_RBX)
        struct.pack_into("<QQ", self.run_page, VALID_REGS, 0, 0)
        return [result, seen, struct.unpack_from("<Q", self._read(GET_REGS, 0x90), 8)[0]]

    def run(self, code: str, base: int = 0) -> list[Any]:
        """Run code (hex) to its HLT; return the exit reason, the vector that was taken (-1: none), eax to edx."""
        memory = self._load(bytes.fromhex(code), base)
        assert self.run_page is not None
        result = self._run()
        if result < 0:
            return [result, -1, []]
        (reason,) = struct.unpack_from("<I", self.run_page, 8)
        registers = self._read(GET_REGS, 0x90)
        rax, rbx, rcx, rdx = (each & 0xFFFFFFFF for each in struct.unpack_from("<4Q", registers, 0))
        (vector,) = struct.unpack_from("<h", memory, MARK)
        return [reason, vector, [rax, rbx, rcx, rdx]]

    def enter(self, chunks: list[list[Any]], sregs: list[list[Any]]) -> int:
        """Enter another mode: pieces of memory and of struct kvm_sregs, [offset, hex] each."""
        memory, buffer = self.memory or self._mapped(), self._read(GET_SREGS, 0x138)
        for place, data in chunks:
            memory[place : place + len(data) // 2] = bytes.fromhex(data)
        image = bytearray(buffer.raw)
        for place, data in sregs:
            image[place : place + len(data) // 2] = bytes.fromhex(data)
        return ioctl(self.vcpu, SET_SREGS, _buffer(0x138, image))

    def peek(self, spans: list[list[int]]) -> list[str]:
        """Read memory, [offset, size] each: up to 16 bytes as they are (hex), more as a digest."""
        memory = self.memory or self._mapped()
        pieces = [memory[start : start + size] for start, size in spans]
        return [piece.hex() if len(piece) <= 16 else digest(piece) for piece in pieces]

    def _run(self) -> int:
        result = -errno.EINTR
        for _ in range(RUN_EXITS):
            if result == -errno.EINTR:
                result = ioctl(self.vcpu, RUN)
        return result

    def _mapped(self) -> mmap.mmap:
        """Give the VM its memory, and real mode: segments, vectors at 0, their stubs at 0x1000."""
        memory = self.memory = mmap.mmap(-1, GUEST_BYTES)
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        region = _buffer(32, struct.pack("<IIQQQ", 0, 0, 0, GUEST_BYTES, address))
        _must(ioctl(self.vm, SET_USER_MEMORY_REGION, region))
        for vector in range(32):
            struct.pack_into("<HH", memory, 4 * vector, 0x1000 + 16 * vector, 0)
            # mov word [MARK], vector; hlt
            stub = bytes((0xC7, 0x06)) + struct.pack("<Hh", MARK, vector) + b"\xf4"
            memory[0x1000 + 16 * vector : 0x1000 + 16 * vector + len(stub)] = stub
        sregs = self._read(GET_SREGS, 0x138)
        for place, kind in enumerate((0xB, 3, 3, 3, 3, 3)):
            struct.pack_into(
                "<QIH10B", sregs, 24 * place, 0, 0xFFFF, 0, kind, 1, 0, 0, 1, *bytes(5)
            )
        _must(ioctl(self.vcpu, SET_SREGS, sregs))
        return memory

    def _load(self, code: bytes, base: int = 0) -> mmap.mmap:
        """Put the code at 0x2000 (the guest's base + 0x2000), no vector at the mark, registers at their start."""
        memory = self.memory or self._mapped()
        memory[0x2000 : 0x2000 + len(code)] = code
        struct.pack_into("<h", memory, MARK, -1)
        values = [0] * 18
        values[6], values[16], values[17] = 0x6F00, base + 0x2000, 2
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


def device_attr(device: int, group: int, attribute: int) -> list[int]:
    """KVM_GET_DEVICE_ATTR on /dev/kvm: the errno or 0, and the value."""
    value = _buffer(8)
    argument = _buffer(24, struct.pack("<IIQQ", 0, group, attribute, ctypes.addressof(value)))
    return [ioctl(device, GET_DEVICE_ATTR, argument), struct.unpack("<Q", value.raw[:8])[0]]


def msr_list(device: int, request: int = GET_MSR_INDEX_LIST) -> list[int] | int:
    """KVM_GET_MSR_INDEX_LIST, or the list of feature MSRs."""
    buffer = _buffer(4 + 4 * 1024)
    struct.pack_into("<I", buffer, 0, 1024)
    result = ioctl(device, request, buffer)
    if result < 0:
        return result
    (count,) = struct.unpack_from("<I", buffer, 0)
    return sorted(struct.unpack_from(f"<{count}I", buffer, 4))


def met() -> dict[str, Any]:
    """Say which kernel and module answer, on which processor."""
    found = os.listdir("/sys/module") if os.path.exists("/sys/module") else []
    modules = sorted(name for name in found if name.startswith("kvm_"))
    return {"kernel": platform.release(), "modules": modules, "cpu": _cpu()}


def _cpu() -> list[str]:
    try:
        with open("/proc/cpuinfo") as file:
            lines = [line.split(":", 1) for line in file if ":" in line]
    except OSError:
        return ["", ""]
    fields = {line[0].strip(): line[1].strip() for line in lines}
    return [fields.get("vendor_id", ""), fields.get("model name", "")]


OF_DEVICE: dict[str, Any] = {
    "check_extension": lambda device, number: ioctl(device, CHECK_EXTENSION, number),
    "device_attr": device_attr,
    "supported_cpuid": lambda device: cpuid_entries(device, GET_SUPPORTED_CPUID),
    "msr_list": msr_list,
    "feature_msr_list": lambda device: msr_list(device, GET_MSR_FEATURE_INDEX_LIST),
    "met": lambda _: met(),
}
"""The calls that need no VM."""


def answer(device: int, calls: list[list[Any]]) -> list[Any]:
    """Make the calls of one case on a fresh VM; return their results."""
    guest: Guest | None = None
    results: list[Any] = []
    try:
        for name, *arguments in calls:
            if name in OF_DEVICE:
                results.append(OF_DEVICE[name](device, *arguments))
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
