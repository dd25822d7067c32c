# SPDX-License-Identifier: Apache-2.0
"""The matrix of kernels, platforms, choices and scenarios, and campaigns that check it, kept in one file.

`plan` makes jobs of names, `identity` says which of them are the same model, `job` does one, `pool` and `cluster`
do many, `store` keeps what they found, and `run` puts these together. Jobs travel as plain data.
"""

from .result import CampaignReport, Job, JobResult
from .run import campaign, campaign_results

__all__ = ["CampaignReport", "Job", "JobResult", "campaign", "campaign_results"]
