# SPDX-License-Identifier: Apache-2.0
"""Runs a command and says its wall time and peak memory as one line of JSON."""

import json
import os
import subprocess
import sys
import time

start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - start
if status:
    raise SystemExit(f"{sys.argv[1]} ended with status {status}")
print(json.dumps({"seconds": round(seconds, 3), "mib": usage.ru_maxrss // 1024,
                  "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3)}))
