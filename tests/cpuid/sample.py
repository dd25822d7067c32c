# SPDX-License-Identifier: Apache-2.0
"""A small sample of every dump format, written for these tests; numbers of incidents are as they were reported."""

from __future__ import annotations

import json

RAW = """CPU:
   0x00000000 0x00: eax=0x00000010 ebx=0x68747541 ecx=0x444d4163 edx=0x69746e65
   0x0000000d 0x00: eax=0x00000207 ebx=0x00000340 ecx=0x00000988 edx=0x00000000
   0x0000000d 0x01: eax=0x0000000f ebx=0x00000340 ecx=0x00001800 edx=0x00000000
"""
AIDA = """------[ CPUID Registers / Logical CPU #0 ]------
CPUID 00000000: 0000000D-756E6547-6C65746E-49656E69 [GenuineIntel]
CPUID 0000000D: 00000007-00000340-00000340-00000000 [SL 00] [x87]
CPUID 0000000D: 00000001-00000000-00000000-00000000 [SL 01]
"""
XML = """<cpudata arch='x86'>
  <cpuid eax_in='0x0000000d' ecx_in='0x00' eax='0x7' ebx='0x340' ecx='0x340' edx='0x0'/>
</cpudata>"""
RJCP = """<cpuid><processor>
  <register eax="0000000D" ecx="00000000">00000007,00000340,00000340,00000000</register>
</processor></cpuid>"""
CPU_MODEL = """<cpu mode='custom' match='exact'>
  <model fallback='forbid'>Icelake-Server</model>
  <vendor>Intel</vendor>
  <feature policy='require' name='pku'/>
  <feature policy='disable' name='xsaves'/>
  <feature policy='optional' name='mpx'/>
</cpu>"""
DOMAIN_CAPABILITIES = """<domainCapabilities><cpu>
  <mode name='maximum' supported='yes'/>
  <mode name='host-model' supported='yes'>
    <model fallback='forbid'>EPYC-Milan</model>
    <vendor>AMD</vendor>
    <feature policy='require' name='xsaves'/>
    <feature policy='disable' name='pku'/>
  </mode>
  <mode name='custom' supported='yes'>
    <model usable='yes' vendor='Intel'>Haswell</model>
    <feature policy='require' name='mpx'/>
  </mode>
</cpu></domainCapabilities>"""
QMP = """{"return": {"model": {"name": "base", "props":
  {"pku": true, "xsaves": false, "sse4_1": true, "sse4.1": true, "family": 25, "model": 17,
   "stepping": 1, "level": 16, "xlevel": 2147483679, "vendor": "AuthenticAMD", "min-level": 13}}}}
{"return": [{"name": "Haswell", "unavailable-features": ["pcid", "tsc-deadline"]}]}
"""
FIRECRACKER = json.dumps({
    "kernel_version": "6.18",
    "guest_cpu_config": {
        "cpuid_modifiers": [
            {
                "leaf": leaf,
                "subleaf": "0x0",
                "flags": 0,
                "modifiers": [{"register": "eax", "bitmap": "0b" + bits}],
            }
            for leaf, bits in (("0x0", "10000"), ("0xd", "111"))
        ]
    },
})  # fmt: skip
KCPUID = """Basic Leafs :
================
0x00000000: EAX=0x00000010, EBX=0x68747541, ECX=0x444d4163, EDX=0x69746e65
0x0000000d: subleafs:
  0: EAX=0x00000207, EBX=0x00000340, ECX=0x00000988, EDX=0x00000000
  1: EAX=0x0000000f, EBX=0x00000340, ECX=0x00001800, EDX=0x00000000
 12: EAX=0x00000018, EBX=0x00000000, ECX=0x00000001, EDX=0x00000000
Extended Leafs :
================
0x80000000: EAX=0x80000028, EBX=0x68747541, ECX=0x444d4163, EDX=0x69746e65
"""
# Leaf 0xD of a definition that claims PKRU and PT and has no subleaf for either, in SDE's format.
SDE = """# CPUID_VERSION = 1.0
#  EAX      ECX    =>   EAX      EBX      ECX      EDX
00000001 ******** => 000806f0 00100800 7ffaf3ff bfebfbff
0000000d 00000000 => 000e02e7 00002b00 00002b00 00000000 #xcr0
0000000d 00000001 => 0000001f 00000240 00000100 00000000
0000000d 00000002 => 00000100 00000240 00000000 00000000
0000000d 00000005 => 00000040 00000440 00000000 00000000
0000000d 00000006 => 00000200 00000480 00000000 00000000
0000000d 00000007 => 00000400 00000680 00000000 00000000
0000000d 00000011 => 00000040 00000ac0 00000002 00000000
0000000d 00000012 => 00002000 00000b00 00000006 00000000
0000000d 00000013 => 00000080 000003c0 00000000 00000000 #APX
"""
LIBCPUID = """version=0.7.1

_________________ Logical CPU #0 _________________
basic_cpuid[0]=0000000d 756e6547 6c65746e 49656e69
basic_cpuid[13]=00000007 00000340 00000340 00000000
basic_cpuid[14]=00000000 00000000 00000000 00000000
ext_cpuid[0]=80000008 00000000 00000000 00000000
intel_fn4[0]=1c004121 01c0003f 0000003f 00000000
intel_fn4[1]=00000000 00000000 00000000 00000000
amd_fn8000001dh[0]=00000000 00000000 00000000 00000000
--------------------------------------------------------------------------------
intel
"""
# What VirtualBox printed for issue 336: a guest without XSAVEC and XSAVES that is told a compacted size.
VIRTUALBOX = """00:00:00.717368 Processor Extended State Enumeration (leaf 0xd):
00:00:00.717369    XSAVE area cur/max size by XCR0, Guest: 0x340/0x340
00:00:00.717369    XSAVE area cur/max size by XCR0,  Host: 0x988/0x988
00:00:00.717370                    Valid XCR0 bits, Guest: 0x00000000`00000007 ( x87 SSE YMM_Hi128 )
00:00:00.717371                    Valid XCR0 bits,  Host: 0x00000000`00000207 ( x87 SSE YMM_Hi128 9 )
00:00:00.717372                     XSAVE features, Guest
00:00:00.717372                     XSAVE features,  Host XSAVEOPT XSAVEC XGETBC1 XSAVES
00:00:00.717373       XSAVE area cur size XCR0|XSS, Guest: 0x370
00:00:00.717373       XSAVE area cur size XCR0|XSS,  Host: 0x370
00:00:00.717373                Valid IA32_XSS bits, Guest: 0x00000000`00000000
00:00:00.717373                Valid IA32_XSS bits,  Host: 0x00001800`00000000 ( 43 44 )
00:00:00.717374   State #2, Guest: off=0x0240, cb=0x0100 IA32_XSS-bit -- YMM_Hi128
00:00:00.717375   State #2,  Host: off=0x0240, cb=0x0100 IA32_XSS-bit -- YMM_Hi128
00:00:00.717375   State #9,  Host: off=0x0980, cb=0x0008 IA32_XSS-bit -- 9
00:00:00.717376   State #11,  Host: off=0x0000, cb=0x0010 XCR0-bit -- 11
00:00:00.717376   State #12,  Host: off=0x0000, cb=0x0018 XCR0-bit -- 12
"""
VIRTUALBOX_RAW = """00:00:04.1  Raw Standard CPUID Leaves
00:00:04.1      Leaf/sub-leaf  eax      ebx      ecx      edx
00:00:04.8 Gst: 0000000d/0000  00000007 00000340 00000340 00000000
00:00:04.8 Hst:                0000001f 00000440 00000440 00000000
00:00:04.8 Gst: 0000000d/0001  00000000 00000440 00000000 00000000
00:00:04.8 Hst:                0000000f 00000440 00000100 00000000
00:00:04.8 Processor Extended State Enumeration (leaf 0xd):
00:00:04.8   State #8, host:  off=0x0000, cb=0x0080 XCR0-bit -- 8
"""
# What Linux printed in a guest of openvmm, issue 708: a compacted size without alignment.
LOG = """[    0.0] XSAVE consistency problem: size 10752 != kernel_size 10704
[    0.0] CPUID[0d, 00]: eax=000600e7 ebx=00002b00 ecx=00002b00 edx=00000000
[    0.0] CPUID[0d, 01]: eax=0000001b ebx=000029d0 ecx=00001800 edx=00000000
[    0.0] CPUID[0d, 02]: eax=00000100 ebx=00000240 ecx=00000000 edx=00000000
[    0.0] CPUID[0d, 03]: eax=00000000 ebx=00000000 ecx=00000000 edx=00000000
[    0.0] CPUID[0d, 05]: eax=00000040 ebx=00000440 ecx=00000000 edx=00000000
[    0.0] CPUID[0d, 06]: eax=00000200 ebx=00000480 ecx=00000000 edx=00000000
[    0.0] CPUID[0d, 07]: eax=00000400 ebx=00000680 ecx=00000000 edx=00000000
[    0.0] CPUID[0d, 0b]: eax=00000010 ebx=00000000 ecx=00000001 edx=00000000
[    0.0] CPUID[0d, 0c]: eax=00000018 ebx=00000000 ecx=00000001 edx=00000000
[    0.0] CPUID[0d, 11]: eax=00000040 ebx=00000ac0 ecx=00000002 edx=00000000
[    0.0] CPUID[0d, 12]: eax=00002000 ebx=00000b00 ecx=00000006 edx=00000000
"""
# A confidential guest's CPUID page (coconut-svsm issue 1057), with the CET bits of igvm-tooling issue 60.
PAGE = "".join(
    f"EAX_IN: 0x0000000d ECX_IN: {sub:#010x} XCR0_IN: 0x00000001 XSS_IN: 0x00000000"
    f" EAX_OUT: {a:#010x} EBX_OUT: {b:#010x} ECX_OUT: {c:#010x} EDX_OUT: 0x00000000\n"
    for sub, a, b, c in (
        (0, 7, 0x240, 0x340),
        (1, 0xF, 0x240, 0x1800),
        (2, 0x100, 0x240, 0),
    )
)
SAMPLES = {
    "raw": RAW,
    "aida": AIDA,
    "xml": XML,
    "rjcp": RJCP,
    "cpu-model": CPU_MODEL,
    "domain-capabilities": DOMAIN_CAPABILITIES,
    "qmp": QMP,
    "firecracker": FIRECRACKER,
    "kcpuid": KCPUID,
    "sde": SDE,
    "libcpuid": LIBCPUID,
    "virtualbox": VIRTUALBOX,
    "virtualbox-raw": VIRTUALBOX_RAW,
    "log": LOG,
    "page": PAGE,
}
"""Every form, by a name of its own."""
FORMAT_OF = {
    "rjcp": "xml",
    "domain-capabilities": "cpu-model",
    "virtualbox-raw": "virtualbox",
    "page": "log",
}
"""The format of a sample whose name is not the format's."""
