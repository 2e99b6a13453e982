from app_types import Input
from pyboinc import pyboinc_call, pyboinc_master
total = 0
def make_calls():
    for i in range(1, 101):
        pyboinc_call('app_slave.py', Input(i))
def handle_result(output):
    global total
    total += output.value
pyboinc_master(make_calls, handle_result)
print("The answer is", total)          # 338350
