# SPDX-License-Identifier: Apache-2.0
"""The processor: components, registers and their legal values, the instructions and their faults.

Read `components`, then `masks` (every rule, as functions of ints), then `save` and `restore`.
"""

from xsavvy.isa.access import (
    ReadPlan,
    WritePlan,
    plan_rdpkru,
    plan_wrpkru,
    plan_xgetbv,
    plan_xsetbv,
)
from xsavvy.isa.components import COMPONENTS, Component, Kind, Msr, component, indices, names
from xsavvy.isa.control import ANYWHERE, Control, Operand, Tracking
from xsavvy.isa.faults import Exit, Fault, Reason, Stop, Vector
from xsavvy.isa.instruction import Encoding, Instruction, decode
from xsavvy.isa.layout import Layout, Place, SubLeaf, compacted, standard
from xsavvy.isa.processor import Processor, Vendor
from xsavvy.isa.restore import Header, RestorePlan, plan_xrstor, plan_xrstors
from xsavvy.isa.save import SavePlan, plan_xsave, plan_xsavec, plan_xsaveopt, plan_xsaves
from xsavvy.isa.sources import RULES, Rule, Status, inferred

__all__ = [
    "ANYWHERE",
    "COMPONENTS",
    "RULES",
    "Component",
    "Control",
    "Encoding",
    "Exit",
    "Fault",
    "Header",
    "Instruction",
    "Kind",
    "Layout",
    "Msr",
    "Operand",
    "Place",
    "Processor",
    "ReadPlan",
    "Reason",
    "RestorePlan",
    "Rule",
    "SavePlan",
    "Status",
    "Stop",
    "SubLeaf",
    "Tracking",
    "Vector",
    "Vendor",
    "WritePlan",
    "compacted",
    "component",
    "decode",
    "indices",
    "inferred",
    "names",
    "plan_rdpkru",
    "plan_wrpkru",
    "plan_xgetbv",
    "plan_xrstor",
    "plan_xrstors",
    "plan_xsave",
    "plan_xsavec",
    "plan_xsaveopt",
    "plan_xsaves",
    "plan_xsetbv",
    "standard",
]
