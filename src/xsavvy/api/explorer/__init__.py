# SPDX-License-Identifier: Apache-2.0
"""The model as somebody walks it who chooses: what `xsavvy explore` and its links stand on.

Read `address` (what a link says), `place` and `trail` (one world and the states along its paths), `explored` (the
answers, as typed objects), `exploring` (who answers). Two worlds on the same events: `alignment`, `companion`,
`lockstep`, `shared`. Searches beside the page: `seeking`, in a process of `seekprocess`, by `seeker`.
"""
