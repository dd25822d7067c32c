# SPDX-License-Identifier: Apache-2.0
"""Where the KVM selftests stand; each table names the commit at which its file was read."""

NAME = "KVM selftests"
FOLDER = "tools/testing/selftests/kvm/x86/"
