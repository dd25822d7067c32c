# SPDX-License-Identifier: Apache-2.0
"""The public API: what a command does is a function here that returns typed objects.

`check` and `trace` explore scenarios, `campaign` checks many worlds and keeps the answers, `export` writes a
model for other checkers, `Explorer` walks through it step by step, `listing` says what the model knows, `cpu`
describes a processor, `lint` judges CPUID tables, `conform_silicon` asks this machine. Every name that a caller may
get wrong raises UsageError, whose message is one line with the nearest valid names.
"""

from .bugs import GalleryReport, GalleryResult, Side, gallery, known_bugs
from .checking import check, default_scenarios, trace
from .costing import cost
from .costresult import BreakEvenPoint, CostCount, CostReport, CostResult
from .differing import CommitDiff, StepDiff, diff
from .explorer.address import Link, WorldAddress, link_text, read_link
from .explorer.explored import Catalog, LockstepAnswer, PossibleMove, WalkAnswer, WorldAnswer
from .explorer.exploring import Explorer
from .explorer.seeker import News
from .explorer.seeking import Searches
from .exporting import LANGUAGES, ExportedModel, export
from .fleets import FleetReport, FleetRow, PairsReport, PairsRow, fleet, fleet_pairs
from .groups import GROUPS
from .imagefleet import ConvertedFleet, convert_images
from .images import (
    ConvertedImage,
    ImageArea,
    ImageDifference,
    ImageVerdict,
    check_image,
    convert_image,
    diff_images,
    show_image,
)
from .lanes import LANES
from .linting import LintResult, lint
from .lists import KINDS, ListItem, listing
from .machine import (
    conform_bochs,
    conform_kvm,
    conform_maintainers,
    conform_silicon,
    cpu,
    replay_bochs,
    replay_kvm,
    replay_silicon,
)
from .matrix import CampaignReport, Job, JobResult, campaign, campaign_results
from .measuring import MeasuredWeights, measure_weights
from .migrating import (
    Exposure,
    MigrateReport,
    SaveReport,
    SharedModel,
    baseline,
    exposes,
    migrate,
    save_set,
)
from .replaying import Replay, replay_trace
from .result import CheckReport, CheckResult, LeftOut, Opening, Progress, TraceStep
from .running import RunReport, run, run_story
from .stepping import RunStep
from .story import FieldNote, Story, StoryStep, stories, story
from .usage import UsageError
from .walking import Moment, Move, Standing, Taken

__all__ = [
    "GROUPS",
    "KINDS",
    "LANES",
    "LANGUAGES",
    "BreakEvenPoint",
    "CampaignReport",
    "Catalog",
    "CheckReport",
    "CheckResult",
    "CommitDiff",
    "ConvertedFleet",
    "ConvertedImage",
    "CostCount",
    "CostReport",
    "CostResult",
    "Explorer",
    "ExportedModel",
    "Exposure",
    "FieldNote",
    "FleetReport",
    "FleetRow",
    "GalleryReport",
    "GalleryResult",
    "ImageArea",
    "ImageDifference",
    "ImageVerdict",
    "Job",
    "JobResult",
    "LeftOut",
    "Link",
    "LintResult",
    "ListItem",
    "LockstepAnswer",
    "MeasuredWeights",
    "MigrateReport",
    "Moment",
    "Move",
    "News",
    "Opening",
    "PairsReport",
    "PairsRow",
    "PossibleMove",
    "Progress",
    "Replay",
    "RunReport",
    "RunStep",
    "SaveReport",
    "Searches",
    "SharedModel",
    "Side",
    "Standing",
    "StepDiff",
    "Story",
    "StoryStep",
    "Taken",
    "TraceStep",
    "UsageError",
    "WalkAnswer",
    "WorldAddress",
    "WorldAnswer",
    "baseline",
    "campaign",
    "campaign_results",
    "check",
    "check_image",
    "conform_bochs",
    "conform_kvm",
    "conform_maintainers",
    "conform_silicon",
    "convert_image",
    "convert_images",
    "cost",
    "cpu",
    "default_scenarios",
    "diff",
    "diff_images",
    "export",
    "exposes",
    "fleet",
    "fleet_pairs",
    "gallery",
    "known_bugs",
    "link_text",
    "lint",
    "listing",
    "measure_weights",
    "migrate",
    "read_link",
    "replay_bochs",
    "replay_kvm",
    "replay_silicon",
    "replay_trace",
    "run",
    "run_story",
    "save_set",
    "show_image",
    "stories",
    "story",
    "trace",
]
