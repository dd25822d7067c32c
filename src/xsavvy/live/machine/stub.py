# SPDX-License-Identifier: Apache-2.0
"""The machine code around one tested instruction, and the handler that turns a fault into a result.

Read `ENTER` first: it puts the caller's state away, loads the state under test, jumps to the
tested instruction (a *thunk*), notes what became of the state, and gives the caller its own back.
RBX points to the block of numbers named in `Slot` all the time.

Jumps instead of calls: an instruction that faults leaves nothing behind on the stack, nor on a
shadow stack. The handler runs only between `Native.__enter__()` and `__exit__()`.
Sources: linux arch/x86/include/uapi/asm/sigcontext.h (the frame); linux
arch/x86/kernel/signal_64.c x64_setup_rt_frame().
"""

from __future__ import annotations

from enum import IntEnum

from xsavvy.live.machine.listing import assemble

__all__ = ["BACK", "ENTER", "HANDLER", "NO_FAULT", "Slot", "thunk"]


class Slot(IntEnum):
    """Offsets in the block of numbers at RBX, 8 bytes each."""

    RFBM = 0x00  # EDX:EAX of the tested instruction
    OPERAND = 0x08  # RSI of the tested instruction
    INDEX = 0x10  # ECX of the tested instruction
    SETUP = 0x18  # image that XRSTOR64 loads first; 0 for none
    SETUP_RFBM = 0x20
    AFTER = 0x28  # where XSAVE64 puts the state that is found afterwards; 0 for nowhere
    AFTER_RFBM = 0x30
    XINUSE_BEFORE = 0x38
    XINUSE_AFTER = 0x40
    VECTOR = 0x48  # NO_FAULT, or what the handler saw
    ERROR = 0x50
    CR2 = 0x58
    RIP = 0x60
    CALLER = 0x68  # where the caller's own state waits
    THUNK = 0x70  # address of the tested instruction
    FLAGS = 0x78  # RFLAGS bits to set for it
    RESUME = 0x80  # address of `resume`
    RECOVER = 0x88  # address of `recover`
    RAX = 0x90  # left by the tested instruction
    RDX = 0x98


NO_FAULT = 0xFFFF

# void enter(void *slots)
ENTER = assemble("""
    push   rbx                          | 53
    mov    rbx,rdi                      | 48 89 fb
    mov    rsi,QWORD PTR [rbx+0x68]     | 48 8b 73 68       ; CALLER
    mov    eax,0xffffffff               | b8 ff ff ff ff
    mov    edx,0xffffffff               | ba ff ff ff ff
    xsave64 [rsi]                       | 48 0f ae 26
    mov    rsi,QWORD PTR [rbx+0x18]     | 48 8b 73 18       ; SETUP
    test   rsi,rsi                      | 48 85 f6
    je     ready                        | 74 >ready
    mov    eax,DWORD PTR [rbx+0x20]     | 8b 43 20          ; SETUP_RFBM
    mov    edx,DWORD PTR [rbx+0x24]     | 8b 53 24
    xrstor64 [rsi]                      | 48 0f ae 2e
ready:
    mov    ecx,0x1                      | b9 01 00 00 00
    xgetbv                              | 0f 01 d0
    mov    DWORD PTR [rbx+0x38],eax     | 89 43 38          ; XINUSE_BEFORE
    mov    DWORD PTR [rbx+0x3c],edx     | 89 53 3c
    pushf                               | 9c
    mov    rcx,QWORD PTR [rbx+0x78]     | 48 8b 4b 78       ; FLAGS
    or     QWORD PTR [rsp],rcx          | 48 09 0c 24
    popf                                | 9d
    mov    rsi,QWORD PTR [rbx+0x8]      | 48 8b 73 08       ; OPERAND
    mov    eax,DWORD PTR [rbx]          | 8b 03             ; RFBM
    mov    edx,DWORD PTR [rbx+0x4]      | 8b 53 04
    mov    ecx,DWORD PTR [rbx+0x10]     | 8b 4b 10          ; INDEX
    jmp    QWORD PTR [rbx+0x70]         | ff 63 70          ; THUNK
resume:
    mov    QWORD PTR [rbx+0x90],rax     | 48 89 83 90 00 00 00  ; RAX
    mov    QWORD PTR [rbx+0x98],rdx     | 48 89 93 98 00 00 00  ; RDX
recover:
    pushf                               | 9c
    and    QWORD PTR [rsp],0xfffffffffffbffff | 48 81 24 24 ff ff fb ff ; RFLAGS.AC off
    popf                                | 9d
    mov    ecx,0x1                      | b9 01 00 00 00
    xgetbv                              | 0f 01 d0
    mov    DWORD PTR [rbx+0x40],eax     | 89 43 40          ; XINUSE_AFTER
    mov    DWORD PTR [rbx+0x44],edx     | 89 53 44
    mov    rsi,QWORD PTR [rbx+0x28]     | 48 8b 73 28       ; AFTER
    test   rsi,rsi                      | 48 85 f6
    je     leave                        | 74 >leave
    mov    eax,DWORD PTR [rbx+0x30]     | 8b 43 30          ; AFTER_RFBM
    mov    edx,DWORD PTR [rbx+0x34]     | 8b 53 34
    xsave64 [rsi]                       | 48 0f ae 26
leave:
    mov    rsi,QWORD PTR [rbx+0x68]     | 48 8b 73 68       ; CALLER
    mov    eax,0xffffffff               | b8 ff ff ff ff
    mov    edx,0xffffffff               | ba ff ff ff ff
    xrstor64 [rsi]                      | 48 0f ae 2e
    pop    rbx                          | 5b
    ret                                 | c3
""")

# void handler(int signal, siginfo_t *, ucontext_t *), and the return trampoline that Linux wants.
# A fault in our own code goes to `recover`. Any other: put the previous action of this signal back
# and return, so that the fault happens again where it belongs; a signal that a process sent does
# not happen again by itself (si_code <= 0) and is sent once more.
HANDLER = assemble("""
handler:
    mov    rax,QWORD PTR [rdx+0xa8]     | 48 8b 82 a8 00 00 00  ; RIP of the fault
    cmp    rax,QWORD PTR [rip+low]      | 48 3b 05 >>low
    jb     foreign                      | 72 >foreign
    cmp    rax,QWORD PTR [rip+high]     | 48 3b 05 >>high
    jae    foreign                      | 73 >foreign
    mov    rcx,QWORD PTR [rdx+0x80]     | 48 8b 8a 80 00 00 00  ; RBX of the fault: the slots
    mov    QWORD PTR [rcx+0x60],rax     | 48 89 41 60           ; RIP
    mov    rax,QWORD PTR [rdx+0xc8]     | 48 8b 82 c8 00 00 00
    mov    QWORD PTR [rcx+0x48],rax     | 48 89 41 48           ; VECTOR
    mov    rax,QWORD PTR [rdx+0xc0]     | 48 8b 82 c0 00 00 00
    mov    QWORD PTR [rcx+0x50],rax     | 48 89 41 50           ; ERROR
    mov    rax,QWORD PTR [rdx+0xd8]     | 48 8b 82 d8 00 00 00
    mov    QWORD PTR [rcx+0x58],rax     | 48 89 41 58           ; CR2
    mov    rax,QWORD PTR [rcx+0x88]     | 48 8b 81 88 00 00 00  ; RECOVER
    mov    QWORD PTR [rdx+0xa8],rax     | 48 89 82 a8 00 00 00  ; go on there
    ret                                 | c3
foreign:
    mov    r8d,DWORD PTR [rsi+0x8]      | 44 8b 46 08           ; si_code
    mov    r9d,edi                      | 41 89 f9
    mov    esi,edi                      | 89 fe
    shl    rsi,0x5                      | 48 c1 e6 05           ; 32 bytes for each signal
    add    rsi,QWORD PTR [rip+previous] | 48 03 35 >>previous
    xor    edx,edx                      | 31 d2
    mov    r10d,0x8                     | 41 ba 08 00 00 00
    mov    eax,0xd                      | b8 0d 00 00 00        ; rt_sigaction
    syscall                             | 0f 05
    test   r8d,r8d                      | 45 85 c0
    jg     done                         | 7f >done
    mov    eax,0x27                     | b8 27 00 00 00        ; getpid
    syscall                             | 0f 05
    mov    edi,eax                      | 89 c7
    mov    eax,0xba                     | b8 ba 00 00 00        ; gettid
    syscall                             | 0f 05
    mov    esi,eax                      | 89 c6
    mov    edx,r9d                      | 44 89 ca
    mov    eax,0xea                     | b8 ea 00 00 00        ; tgkill
    syscall                             | 0f 05
done:
    ret                                 | c3
restorer:
    mov    eax,0xf                      | b8 0f 00 00 00        ; rt_sigreturn
    syscall                             | 0f 05
low:
    first address of our code           | 00 00 00 00 00 00 00 00
high:
    first address beyond our code       | 00 00 00 00 00 00 00 00
previous:
    table of the previous actions       | 00 00 00 00 00 00 00 00
""")

# At the end of each thunk.
BACK = assemble("""
    jmp    QWORD PTR [rbx+0x80]         | ff a3 80 00 00 00     ; RESUME
""")


def thunk(instruction: bytes) -> bytes:
    """Return the tested instruction with the jump that brings it back to `resume`.

    >>> thunk(bytes.fromhex("90")).hex(" ")
    '90 ff a3 80 00 00 00'
    """
    return instruction + BACK.code
