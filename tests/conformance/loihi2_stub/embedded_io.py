"""Stands in for `lava.proc.embedded_io`, which Intel gives to members only: adapters that pass on what they get."""

from types import SimpleNamespace

import numpy as np
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort, PyRefPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort, RefPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol


class PyToNxAdapter(AbstractProcess):
    """From host to chip."""

    def __init__(self, *, shape):
        super().__init__(shape=shape)
        self.inp, self.out = InPort(shape=shape), OutPort(shape=shape)


class NxToPyAdapter(PyToNxAdapter):
    """From chip to host."""


class Read(AbstractProcess):
    """The state of a process on the chip, at the end of each step; it is sent in the next one, as on the chip."""

    def __init__(self, *, shape):
        super().__init__(shape=shape)
        self.state, self.out = RefPort(shape=shape), OutPort(shape=shape)

    def connect_var(self, variable):
        self.state.connect_var(variable)


class PassOn(PyLoihiProcessModel):
    inp: PyInPort = LavaPyType(PyInPort.VEC_DENSE, np.int32)
    out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def run_spk(self):
        self.out.send(self.inp.recv())


@implements(proc=PyToNxAdapter, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class PyToNxModel(PassOn):
    pass


@implements(proc=NxToPyAdapter, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class NxToPyModel(PassOn):
    pass


@implements(proc=Read, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt")
class ReadModel(PyLoihiProcessModel):
    state: PyRefPort = LavaPyType(PyRefPort.VEC_DENSE, np.int32)
    out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, np.int32)

    def __init__(self, proc_params):
        super().__init__(proc_params)
        self.held = np.zeros(proc_params["shape"], np.int32)

    def run_spk(self):
        self.out.send(self.held)

    def post_guard(self):
        return True

    def run_post_mgmt(self):
        self.held = self.state.read()


spike = SimpleNamespace(PyToNxAdapter=PyToNxAdapter, NxToPyAdapter=NxToPyAdapter)
state = SimpleNamespace(Read=Read)
