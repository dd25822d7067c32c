# SPDX-License-Identifier: Apache-2.0
"""The questions of a move: what KVM does its own way from kernel to kernel, and what a VMM decides."""

from xsavvy.model.choices import Choice

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

__all__ = ["CHOICES"]

CHOICES = (
    Choice(
        "image_scope",
        "What bounds the image that KVM_GET_XSAVE emits, and the one that KVM_SET_XSAVE accepts?",
        ImageScope,
        {
            ImageScope.HOST: "the host's features, both (to v5.16)",
            ImageScope.GUEST: "the guest's CPUID, both (v5.17 to v5.19)",
            ImageScope.GUEST_AND_LEGACY: "the guest's CPUID with x87 and SSE, both (v6.0 to v6.5)",
            ImageScope.AT_GET: "the guest's CPUID with x87 and SSE what is emitted, the host what is accepted (v6.6)",
        },
        "commits ad856280ddea, a1020a25e697, 8647c52e9504",
    ),
    Choice(
        "host_format",
        "In which format does the host keep images, and does KVM convert them?",
        HostFormat,
        {
            HostFormat.STANDARD: "the standard format, no XSAVES (to v3.16)",
            HostFormat.COPIED: "compacted where there is XSAVES, copied as it is (v3.17, v3.18)",
            HostFormat.CONVERTED: "compacted where there is XSAVES, converted (v3.19)",
        },
        "commits f31a9f7c7169, df1daba7d1cb",
    ),
    Choice(
        "xsave_header",
        "Does KVM_SET_XSAVE refuse an image in the compacted format?",
        XsaveHeader,
        {
            XsaveHeader.IGNORED: "no, it takes it for a standard one (to v5.15)",
            XsaveHeader.CHECKED: "yes (v5.16)",
        },
        "commit d69c1382e1b7",
    ),
    Choice(
        "xsave_xfd",
        "What does KVM_SET_XSAVE do with a component that XFD disables?",
        XsaveXfd,
        {
            XsaveXfd.KEPT: "it stores it (v5.17 to v6.18)",
            XsaveXfd.DROPPED: "it drops it (v6.19 and stable kernels)",
        },
        "commit b45f72177594",
    ),
    Choice(
        "uabi_size",
        "How large is KVM's buffer for an image?",
        UabiSize,
        {
            UabiSize.KVM_XSAVE: "4096 bytes, or more where the guest has tiles",
            UabiSize.HOST_DEFAULT: "what the host's own tasks have (v5.17, v5.18)",
        },
        "commits be50b2065dfa, d187ba531230",
    ),
    Choice(
        "init_states",
        "Where does KVM_GET_XSAVE take a component in its initial state from?",
        InitStates,
        {
            InitStates.ZEROES: "it writes zeroes",
            InitStates.INIT_FPSTATE: "from init_fpstate, which has no dynamic component (v5.17 to v6.0)",
        },
        "commit 471f0aa7fa64",
    ),
    Choice(
        "fpstate_size",
        "From which format is the size of the guest's fpstate computed?",
        FpstateSize,
        {
            FpstateSize.KERNEL: "the kernel's own",
            FpstateSize.USER: "that of userspace, without supervisor components (v5.16 to v6.14)",
        },
        "commits 69f6ed1d14c6, 1937e18cc3cf",
    ),
    Choice(
        "size_align",
        "Does CPUID (0xD,1).EBX count the gaps before aligned components?",
        SizeAlign,
        {SizeAlign.IGNORED: "no (to v5.16)", SizeAlign.HONOURED: "yes (v5.17)"},
        "commit cc04b6a21d43",
    ),
    Choice(
        "tile_guests",
        "May a guest have tiles?",
        TileGuests,
        {TileGuests.NO: "no (to v5.16)", TileGuests.YES: "yes, with permission (v5.17)"},
        "commit 86aff7a47992",
    ),
    Choice(
        "xss_to_be_saved",
        "Does KVM_GET_MSR_INDEX_LIST have IA32_XSS?",
        XssToBeSaved,
        {
            XssToBeSaved.NO: "no (to v6.17)",
            XssToBeSaved.YES: "yes, if a supervisor component is supported (v6.18)",
        },
        "commit c0a5f2989122",
    ),
    Choice(
        "cpuid_xsave",
        "Which instructions of CPUID (0xD,1).EAX does KVM_GET_SUPPORTED_CPUID tell of?",
        CpuidXsave,
        {
            CpuidXsave.PROCESSOR: "those of the processor (to v4.5)",
            CpuidXsave.KERNEL: "those that the host's kernel has not turned off (v4.6)",
        },
        "commit 316314ca",
    ),
    Choice(
        "restore_order",
        "In which order does the VMM restore a vCPU?",
        RestoreOrder,
        {
            RestoreOrder.QEMU: "SREGS, XSAVE, XCRS, MSRs (QEMU, Firecracker)",
            RestoreOrder.SELFTESTS: "SREGS, MSRs, XCRS, XSAVE (KVM's selftests)",
        },
        "qemu target/i386/kvm/kvm.c kvm_arch_put_registers(); "
        "Firecracker src/vmm/src/arch/x86_64/vcpu.rs restore_state(); "
        "linux:tools/testing/selftests/kvm/lib/x86/processor.c vcpu_load_state()",
    ),
    Choice(
        "saved_msrs",
        "Which MSRs does the VMM save?",
        SavedMsrs,
        {
            SavedMsrs.ADVERTISED: "what KVM_GET_MSR_INDEX_LIST has",
            SavedMsrs.WITHOUT_XSS: "a list of its own that lacks IA32_XSS",
        },
        "Firecracker pull request 5972",
    ),
    Choice(
        "after_refusal",
        "What does the VMM do when the destination refuses what was saved?",
        AfterRefusal,
        {
            AfterRefusal.STOPS: "it reports it, and the guest stays where it was",
            AfterRefusal.GOES_ON: "it restores nothing more and runs the guest",
        },
        "thread of commit 8647c52e9504 (Sep 2023), its cover letter: what QEMU does",
    ),
    Choice(
        "absent_pkru",
        "What does KVM_SET_XSAVE make of the guest's PKRU if the image does not name it?",
        AbsentPkru,
        {
            AbsentPkru.LEFT: "nothing (every kernel)",
            AbsentPkru.INITIAL: "its initial value, as ptrace and sigreturn do",
        },
        "commits 2c87767c35ee, d7e5aceace51",
    ),
    Choice(
        "guest_model",
        "Which CPUID does the VMM give the guest?",
        GuestModel,
        {
            GuestModel.ANY: "any of these",
            GuestModel.PLAIN: "one without XSAVE",
            GuestModel.AVX: "AVX, no protection keys",
            GuestModel.KEYS: "AVX and protection keys",
            GuestModel.TILES: "AVX, protection keys and tiles",
            GuestModel.CET: "AVX and CET in IA32_XSS",
        },
        "the guests that commits ad856280ddea, a1020a25e697, 445ecdf79be0 and 69cc3e886582 are about",
    ),
)
