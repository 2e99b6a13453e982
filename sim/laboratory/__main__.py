import sys
from .plan import draw
from .world import World
import time
t=time.time(); j=0
for s in range(int(sys.argv[1]), int(sys.argv[2])):
    o=World(draw(s)).run()
    j+=o.jobs
    if o.violation: print(s, str(o.violation)[-1500:], flush=True)
print(time.time()-t, j)
