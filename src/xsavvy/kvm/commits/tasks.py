# SPDX-License-Identifier: Apache-2.0
"""Commits that change what the FPU core does for host tasks: signals, exec, ptrace, PKRU outside of the guest."""

from .commit import Commit

TASKS = (
    Commit(
        "68239654acaf",
        "x86/fpu: Disable bottom halves while loading FPU registers",
        "v4.20",
        "A 32-bit sigreturn() claims the registers only where nobody can save them before they are loaded.",
        inferred=True,
    ),
    Commit(
        "0cecca9d03c9",
        "x86/fpu: Eager switch PKRU state",
        "v5.2",
        "The context switch loads PKRU from the task's XSAVE image.",
        inferred=True,
    ),
    Commit(
        "correct_pkru_inconsistency",
        "x86/fpu: Correct pkru/xstate inconsistency",
        "v5.2",
        "The switch from a kernel thread loads the next task's PKRU. Whether v5.2 to v5.13 need it depends on the "
        "compiler; fixed in 5.4.182 and 5.10.103 only. A kernel has the bug here if it is named without this.",
        inferred=True,
        id_seen=False,
    ),
    Commit(
        "484cea4f362e",
        "x86/fpu: Prevent state corruption in __fpu__restore_sig()",
        "v5.13",
        "The header of a 32-bit frame is checked before it is copied to the fpstate.",
    ),
    Commit(
        "d8778e393afa",
        "x86/fpu: Invalidate FPU state after a failed XRSTOR from a user buffer",
        "v5.13",
        "Registers that a failed XRSTOR may have changed are nobody's.",
    ),
    Commit(
        "510b80a6a0f1",
        "x86/pkru: Write hardware init value to PKRU when xstate is init",
        "v5.13",
        "A context switch that finds no PKRU in an image loads 0, not the kernel's default.",
    ),
    Commit(
        "954436989cc5",
        "x86/fpu: Remove PKRU handling from switch_fpu_finish()",
        "v5.14",
        "The context switch loads PKRU from thread.pkru alone.",
    ),
    Commit(
        "33344368cb08",
        "x86/fpu: Clean up the fpu__clear() variants",
        "v5.14",
        "exec resets the image in memory and leaves its load to the return to user mode.",
        inferred=True,
    ),
    Commit(
        "fcb3635f5018",
        "x86/fpu/signal: Handle #PF in the direct restore path",
        "v5.16",
        "sigreturn() faults its frame in and tries again, instead of going by way of the fpstate.",
        inferred=True,
    ),
    Commit(
        "4a804c4f8356",
        "x86/fpu: Allow PKRU to be (once again) written by ptrace.",
        "v6.2",
        "PTRACE_SETREGSET sets thread.pkru if the image has PKRU.",
    ),
    Commit(
        "d7e5aceace51",
        "x86/fpu: Emulate XRSTOR's behavior if the xfeatures PKRU bit is not set",
        "v6.2",
        "PTRACE_SETREGSET sets thread.pkru to 0 if the image lacks PKRU; KVM_SET_XSAVE leaves the guest's alone.",
    ),
    Commit(
        "1f69383b203e",
        "x86/fpu: Invalidate FPU state correctly on exec()",
        "v6.5",
        "exec takes back the task's claim to any CPU's registers, and not only that of the CPU it runs on.",
    ),
    Commit(
        "18032b47adf1",
        "x86/fpu/xstate: Fix PKRU covert channel",
        "v6.6",
        "A host booted with nopku leaves PKRU out of XCR0.",
    ),
    Commit(
        "d877550eaf2d",
        "x86/fpu: Stop relying on userspace for info to fault in xsave buffer",
        "v6.8",
        "sigreturn() faults in as much of a frame as XRSTOR can read, whatever the frame says.",
    ),
    Commit(
        "70044df250d0",
        "x86/pkeys: Update PKRU to enable all pkeys before XSAVE",
        "v6.12",
        "PKRU is 0 while a signal frame is written; its value is put into the frame afterwards.",
        inferred=True,
    ),
    Commit(
        "ae6012d72fa6",
        "x86/pkeys: Ensure updated PKRU value is XRSTOR'd",
        "v6.13",
        "The value in the frame gets its bit of XSTATE_BV.",
    ),
    Commit(
        "dc8aa31a7ac2",
        "x86/fpu: Refine and simplify the magic number check during signal return",
        "v6.15",
        "The second magic number is looked for where the kernel's own frames have it.",
        inferred=True,
    ),
    Commit(
        "388eff894d6b",
        "x86/fpu: Ensure XFD state on signal delivery",
        "v6.18",
        "IA32_XFD is the task's before a handler gets its initial registers.",
    ),
    Commit(
        "44eeff9bc467",
        'Revert "x86/fpu: Refine and simplify the magic number check during signal return"',
        "v7.1",
        "The second magic number is looked for where the frame says that it ends.",
        inferred=True,
    ),
)
