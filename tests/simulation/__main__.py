"""`python -m tests.simulation --seed N | --seeds A:B | --shrink N`: replay one seed, run many, explain one."""
from tests.simulation.run import simulate
import sys, time
a, b = map(int, sys.argv[1].split(":"))
t=time.time()
for seed in range(a, b):
    t0=time.time()
    r = simulate(seed, keep_story=b-a==1)
    print(seed, r.trace[:8], f"{time.time()-t0:.2f}s", r.crashes, sum(r.faults.values()), f"{r.virtual_s:.0f}", r.violation[:300])
    if b-a==1: print("\n".join(r.story))
print((b-a)/(time.time()-t))
