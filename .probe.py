import sys
import tests.simulation.run as r
r.cancel_what_is_foreign=lambda w: None
res=r.simulate(int(sys.argv[1]),keep_story=True)
print("\n".join(l[:230] for l in res.story))
