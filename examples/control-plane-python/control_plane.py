#!/usr/bin/python3
"""A control plane in Python that drives one VServer through its whole life, written from the protocol document alone.

It waits for an agent, keeps its events (in a file, so that a restart goes on where it was), and then makes an image, a
VNet and a VServer, stops, starts, resets and resizes it, and takes all of it away again. docs/control-plane-protocol.md
is all there is to know. Needs python3-websockets (9.1 or newer).
"""
import argparse
import asyncio
import json
import os
import sys
import uuid

import websockets


class Refused(Exception):
    """The agent said no; `code` is what a program acts on."""

    def __init__(self, error):
        data = error.get("data", {})
        super().__init__(f"{data.get('code')}: {data.get('message', error['message'])}")
        self.code = data.get("code")


class Memory:
    """The last event kept of each host, on disk before it is acknowledged."""

    def __init__(self, path):
        self.path = path
        self.last = json.load(open(path)) if os.path.exists(path) else {}

    def keep(self, host, seq):
        if seq <= self.last.get(host, 0):
            return False
        self.last[host] = seq
        with open(self.path + ".new", "w") as file:
            json.dump(self.last, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)
        return True


class Host:
    """One agent's link: answers its hello, keeps its events, and calls its methods."""

    def __init__(self, socket, memory):
        self.socket, self.memory = socket, memory
        self.host_id, self.capacity, self.states = None, None, {}
        self.waiting, self.changed = {}, asyncio.Event()
        self.metered = set()

    async def call(self, method, **params):
        """Calls a method and waits for its result. An operation gets a request id, so that it can be asked again."""
        number = str(uuid.uuid4())
        self.waiting[number] = asyncio.get_running_loop().create_future()
        await self.send(id=number, method=method, params=params)
        try:
            return await self.waiting[number]
        finally:
            del self.waiting[number]

    async def send(self, **message):
        await self.socket.send(json.dumps({"jsonrpc": "2.0", **message}))

    async def listen(self):
        async for text in self.socket:
            message = json.loads(text)
            method, params = message.get("method"), message.get("params", {})
            if method == "hello":
                self.host_id = params["hostId"]
                known = self.memory.last.get(self.host_id)
                answer = {} if known is None else {"acknowledged": known}
                # The samples of this short life need no memory: what the agent remembers is enough.
                await self.send(id=message["id"], result={**answer, "metering": {}})
            elif method == "event":
                if self.memory.keep(self.host_id, params["seq"]):
                    print(f"event {params['seq']} {params['type']} {json.dumps(params['data'])}", flush=True)
                    if params["type"] == "vserver.state":
                        self.states[params["ids"]["vserver"]] = params["data"]["state"]
                await self.send(method="acknowledge", params={"seq": params["seq"]})
                self.changed.set()
            elif method == "samples":
                for sample in params["samples"]:
                    print(f"sample {sample['seq']} {sample['vserverId']} {sample.get('cpuSeconds', '-')} s", flush=True)
                    if "cpuSeconds" in sample:
                        self.metered.add(sample["vserverId"])
                await self.send(method="acknowledgeSamples", params={"seq": params["samples"][-1]["seq"]})
                self.changed.set()
            elif method == "capacity":
                self.capacity = params
                self.changed.set()
            elif method is None and message.get("id") in self.waiting:
                answer = self.waiting[message["id"]]
                if "error" in message:
                    answer.set_exception(Refused(message["error"]))
                else:
                    answer.set_result(message["result"])

    async def until(self, holds):
        while not holds():
            self.changed.clear()
            await self.changed.wait()

    async def state(self, vserver, wanted):
        await self.until(lambda: self.states.get(vserver) == wanted)
        print(f"{vserver} is {wanted}", flush=True)


async def life(host, options):
    """The whole life of a VServer, each step once, however often it is asked for."""
    await host.until(lambda: host.capacity is not None)
    fits = host.capacity["fits"]
    print(f"room for {fits[options.type]} more of type {options.type}", flush=True)
    image = await host.call("registerDiskImage", name="py-image", uri=options.image, requestId=str(uuid.uuid4()))
    vnet = await host.call("createVNet", name="py-net", ipv4Subnet=options.subnet, requestId=str(uuid.uuid4()))
    request = str(uuid.uuid4())
    wish = dict(name="py-server", type=options.type, imageId=image["diskImageId"], requestId=request,
                vnics=[{"vnetId": vnet["vnetId"]}], userData="IyEvYmluL3NoCg==")
    made = await host.call("createVServer", **wish)
    again = await host.call("createVServer", **wish)
    assert again["vserverId"] == made["vserverId"], "the same request never makes a second VServer"
    vserver = made["vserverId"]
    await host.state(vserver, "running")
    try:
        await host.call("startVServer", vserverId=vserver)
    except Refused as error:
        assert error.code == "wrong-state", error
        print(f"refused, as it should be: {error}", flush=True)
    if options.meter:
        await host.until(lambda: vserver in host.metered)
    await host.call("stopVServer", vserverId=vserver, requestId=str(uuid.uuid4()))
    await host.state(vserver, "inactive")
    await host.call("updateVServer", vserverId=vserver, autostart=True, requestId=str(uuid.uuid4()))
    await host.call("startVServer", vserverId=vserver, requestId=str(uuid.uuid4()))
    await host.state(vserver, "running")
    await host.call("powerOffVServer", vserverId=vserver, requestId=str(uuid.uuid4()))
    await host.state(vserver, "inactive")
    for method, params in (("destroyVServer", {"vserverId": vserver}), ("destroyVNet", {"vnetId": vnet["vnetId"]}),
                           ("unregisterDiskImage", {"imageId": image["diskImageId"]})):
        await host.call(method, **params, requestId=str(uuid.uuid4()))
    left = await host.call("listVServer")
    assert vserver not in [each["vserverId"] for each in left], "nothing is left"
    print("the whole life is over", flush=True)


async def main(options):
    memory, outcome = Memory(options.memory), asyncio.get_running_loop().create_future()

    async def welcome(socket, _path=None):
        host = Host(socket, memory)
        listening = asyncio.ensure_future(host.listen())
        living = asyncio.ensure_future(life(host, options))
        done, _ = await asyncio.wait({listening, living}, return_when=asyncio.FIRST_COMPLETED)
        if living in done and not outcome.done():
            outcome.set_exception(living.exception()) if living.exception() else outcome.set_result(None)

    async with websockets.serve(welcome, "127.0.0.1", options.port, subprotocols=["innkeeper.v1"]) as server:
        print(f"waiting on ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await outcome


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Drives one VServer through its whole life.")
    parser.add_argument("--port", type=int, default=7070)
    parser.add_argument("--image", required=True, help="file: or http: address of a disk image")
    parser.add_argument("--type", default="small")
    parser.add_argument("--subnet", default="10.77.0.0/24")
    parser.add_argument("--memory", default="control-plane.json", help="file that remembers the last event of each host")
    parser.add_argument("--meter", action="store_true", help="wait until the VServer was metered once")
    try:
        asyncio.run(main(parser.parse_args()))
    except (Refused, AssertionError) as error:
        sys.exit(f"failed: {error}")
