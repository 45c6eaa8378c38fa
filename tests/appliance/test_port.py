import os
import socket

import pytest

from appliance.services.port import PortTaken, take
from tests.services.appliance import free_port
from tests.services.waiting import PATIENCE


def test_a_taken_port_is_said_with_the_process_and_a_way_out():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken) as refusal:
            take("127.0.0.1", port)
    assert f"process {os.getpid()}" in str(refusal.value)
    assert f"DOMICILE_PORT={port + 1}" in str(refusal.value)


def test_an_address_that_is_not_ours_is_refused():
    with pytest.raises(PortTaken, match="DOMICILE_HOST"):
        take("192.0.2.1", free_port())


def test_callers_wait_while_no_web_process_runs():
    port = free_port()
    with (
        take("127.0.0.1", port),
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE),
    ):
        pass
