# SPDX-License-Identifier: MIT
"""The broker against clients and against redis-server: check.py <case> <broker> [<redis-server>]"""

import signal
import sys
import time

from running import Broker, Client, RedisServer, request, texts

CONFIGURATIONS = [("--memory=tarn",), ("--memory=tarn", "--threads=2"), ("--memory=malloc",)]

LARGE = b"x" * 100_000
SCRIPT = [
    "PING", "PING hello", "PING a b", "ECHO hello", "ECHO", "echo", "NOSUCH", "NOSUCH a b",
    "SET k v", "GET k", "get k", "GET none", "GET", "SET k", "SET k w NX", "SET n w NX", "SET o w XX",
    "SET k w XX", "GET k", "SET k w NX XX", "SET k v EX 100", "TTL k", "SET k v PX 100000", "TTL k",
    "SET k v EX 0", "SET k v EX -1", "SET k v EX x", "SET k v EX", "SET k v PX 9223372036854775807",
    "SET k v EX 9223372036854775", "SET k v", "TTL k", "SET k v FOO", "SET k v EX 1 PX 1",
    "MSET a 1 b 2 c 3", "MGET a b none c", "MSET a", "MSET a 1 b", "MGET", "DEL a none b", "DEL",
    "EXISTS c c none", "EXISTS", "INCR i", "INCR i", "GET i", "INCR k", "SET i 9223372036854775807",
    "INCR i", "SET i 01", "INCR i", "SET i -2", "INCR i", "INCR", "SET i 1.5", "INCR i",
    "APPEND p abc", "APPEND p def", "GET p", "STRLEN p", "STRLEN none", "APPEND p", "APPEND k w",
    "GET k", "GETRANGE p 0 2", "GETRANGE p -3 -1", "GETRANGE p 4 100", "GETRANGE p 3 1",
    "GETRANGE p -1 -3", "GETRANGE p -100 -50", "GETRANGE p 100 200", "GETRANGE none 0 1",
    "GETRANGE p x 1", "GETRANGE p 0 -100", "GETRANGE p -100 100",
    ("SET", "large", LARGE), "GET large", "STRLEN large", "GETRANGE large 10 60000",
    ("APPEND", "large", LARGE), "GET large", "MGET large k large", ("SET", "empty", b""), "GET empty",
    "STRLEN empty", "GETRANGE empty 0 -1", ("APPEND", "empty", b""), "APPEND empty a", "GET empty",
    ("SET", b"\0\r\n", b"\r\n\0"), ("GET", b"\0\r\n"),
    "LPUSH l a b c", "RPUSH l d e", "LRANGE l 0 -1", "LRANGE l 1 2", "LRANGE l -2 -1", "LRANGE l 3 1",
    "LRANGE l -100 100", "LRANGE none 0 -1", "LRANGE l x 1", "LLEN l", "LLEN none", "LPOP l", "RPOP l",
    "LPOP none", "RPOP none", "LPOP none 2", "LPOP l 2", "RPOP l 5", "LLEN l", "EXISTS l", "LPOP l -1",
    "LPOP l x", "LPOP l 1 1", "RPOP l 1 1", "RPUSH l x", "LPOP l 0", "LPUSH k v", "GET l", "LPUSH l",
    "RPOP l", "LPUSH", ("RPUSH", "l", LARGE, "b"), "LRANGE l 0 -1", "LPOP l 10",
    "HSET h f 1 g 2", "HSET h f 3 z 4", "HGET h f", "HGET h none", "HGET none f", "HSET h f",
    "HSET h f 1 g", "HGETALL none", "HGET k f", "HGET h", ("HSET", "h", "big", LARGE), "HGET h big",
    "SADD s a", "SADD s a b c", "SPOP none", "SPOP none 3", "SPOP s -1", "SPOP s x", "SPOP s 0",
    "SADD k a", "SADD", "SADD one x", "SPOP one", "EXISTS one", "SADD one x", "SPOP one 7",
    "EXISTS one", "SPOP one 1 1",
    "EXPIRE k 100", "TTL k", "EXPIRE none 1", "EXPIRE k x", "EXPIRE k -1", "EXISTS k", "TTL none",
    "EXPIRE p 9223372036854775807", "EXPIRE", "TTL", "SET k v", "EXPIRE k 0", "GET k",
    "PUBLISH none hi", "PUBLISH", "CONFIG GET save", "CONFIG GET appendonly", "CONFIG", "CONFIG NOSUCH",
    "CLIENT SETNAME me", "CLIENT GETNAME", ("CLIENT", "SETNAME", "a b"), "CLIENT NOSUCH", "COMMAND DOCS none",
    "DBSIZE", "FLUSHALL", "DBSIZE", "FLUSHALL NOSUCH", "GET c",
    "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUBSCRIBE", "SUBSCRIBE a b", "SUBSCRIBE a", "PSUBSCRIBE p*", "PING",
    "PING x", "GET k", "PUBLISH a b", "UNSUBSCRIBE a", "UNSUBSCRIBE none", "UNSUBSCRIBE",
    "PUNSUBSCRIBE", "GET k",
]
REPLIES = {"SUBSCRIBE a b": 2}  # all others have one
PIECES = [
    b"PING\r\n", b"\r\n", b"  ping  \n", b'SET q "a b\\x41\\n"\r\n', b"get q\r\n", b"*0\r\n", b"*-1\r\n",
    b"*1\r\n$4\r\nPING\r\n", b"set 'single' 'it\\'s'\r\n", b"get single\r\n",
]
BROKEN = [
    b"*2147483648\r\n", b"*x\r\n", b"*1\r\n$-5\r\n", b"*1\r\n$2147483648\r\n", b"*1\r\n$x\r\n",
    b"*1\r\n$\r\n", b"*2\r\n$4\r\nECHO\r\n:1\r\n", b'echo "a\r\n', b"echo 'a'b\r\n", b"x" * 70_000,
    b"*" + b"1" * 70_000, b"*1\r\n$" + b"1" * 70_000, b"PING\r\n*1\r\n+PING\r\n", b"x" * (1 << 20),
]


def arguments(line):
    return line if isinstance(line, tuple) else line.split()


def is_about(a, b):
    """Two numbers of seconds that are left: some pass between two requests."""
    return int(a[1:]) > 0 and int(b[1:]) > 0 and abs(int(a[1:]) - int(b[1:])) < 20


def wait_until(holds, what):
    """A busy machine may need long for what takes milliseconds."""
    until = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.01)


def both(broker, redis, version):
    """Every command, one by one, and then all of them at once."""
    with Client(broker) as mine, Client(redis) as theirs:
        for client in (mine, theirs):
            client.call("FLUSHALL")
            if version == 3:
                assert client.call("HELLO", "3").startswith(b"%7")
        for line in SCRIPT:
            # With RESP3 the order of a push and a reply to the same client is not fixed.
            if version == 3 and line == "PUBLISH a b":
                continue
            for client in (mine, theirs):
                client.send(request(*arguments(line)))
            for _ in range(REPLIES.get(line, 1)):
                a, b = mine.reply(), theirs.reply()
                if line[:4] == "TTL " and is_about(a, b):
                    continue
                assert a == b, f"{str(line)[:80]}: {a[:200]} instead of {b[:200]}"
        for line in ("HSET h b 2 a 1 c 3", "HGETALL h", "SADD s x y z", "SPOP s 3", "SUBSCRIBE b a"):
            a, b = (sorted(texts(c.call(*line.split()))) for c in (mine, theirs))
            assert a == b, f"{line}: {a} instead of {b}"


def commands(program, redis_program):
    with RedisServer(redis_program) as redis:
        for options in CONFIGURATIONS:
            with Broker(program, *options) as broker:
                for version in (2, 3):
                    both(broker, redis, version)
                lines = [line for line in SCRIPT if "SUBSCRIBE" not in line and "TTL" not in line]
                for data in (b"".join(request(*arguments(line)) for line in lines), b"".join(PIECES)):
                    seen = []
                    for server in (broker, redis):
                        with Client(server) as client:
                            client.call("FLUSHALL")
                            client.send(data + b"QUIT\r\n")
                            seen.append(client.rest())
                    assert seen[0] == seen[1], "all at once"
                with Client(broker) as client:
                    client.call("SET", "short", "x", "PX", "30")
                    wait_until(lambda: client.call("GET", "short") == b"$-1\r\n", "it does not end")
                    client.call("FLUSHALL")
                    client.call("SET", "unread", "x", "PX", "10")
                    wait_until(lambda: client.call("DBSIZE") == b":0\r\n", "it was not erased")
                    info = client.call("INFO")
                    for part in (b"# Memory\r\n", b"# Pools\r\n", b"# Clients\r\n"):
                        assert part in info, info
                    assert client.call("INFO", "memory").count(b"#") == 1
                    assert client.call("HELLO", "4").startswith(b"-NOPROTO")
                    assert client.call("COMMAND").count(b"$") == int(client.call("COMMAND", "COUNT")[1:])
                    client.send(request("SHUTDOWN"))
                    assert client.rest() == b""
                broker.ends()


def broken_input(program, redis_program=None):
    """Bad input is answered as by redis-server, and costs nothing that stays."""
    redis = RedisServer(redis_program) if redis_program else None
    try:
        for options in CONFIGURATIONS:
            with Broker(program, *options) as broker, Client(broker) as watcher:
                for client in [Client(broker) for _ in range(50)]:  # as large as its tables get
                    client.call("PING")
                    client.socket.close()
                settle(watcher)
                in_use_before = in_use(watcher)
                for data in BROKEN:
                    seen = []
                    for server in filter(None, (broker, redis)):
                        with Client(server) as client:
                            try:
                                client.send(data)
                            except (BrokenPipeError, ConnectionResetError):
                                pass  # closed before all of it was sent
                            seen.append(client.rest())
                    assert b"-ERR Protocol error: " in seen[0], (data[:30], seen[0])
                    assert seen[0] == seen[-1] or len(data) > 100_000, (data[:30], seen)
                for data in (b"*2\r\n$4\r\nEC", b"*1000000\r\n", b"*1\r\n$536870912\r\nabc", b"PIN", b"*",
                             b"*1\r\n$4\r\nPING\r"):
                    with Client(broker) as client:
                        client.send(data)  # and leaves
                for _ in range(1000):
                    Client(broker).socket.close()
                settle(watcher)
                # The last connection has left the count, and gives its blocks back now.
                wait_until(lambda: all(now <= in_use_before[name]
                                       for name, now in in_use(watcher).items()),
                           ("blocks stay in use", in_use_before, pools(watcher)))
                assert watcher.call("PING") == b"+PONG\r\n"
                broker.stop()
    finally:
        if redis:
            redis.__exit__()


def settle(client):
    """Waits until all other connections are closed."""
    wait_until(lambda: b"connected_clients:1\r\n" in client.call("INFO", "clients"),
               "a connection was not closed")


def pools(client):
    """The counts of each pool, by its name; nothing on malloc."""
    lines = client.call("INFO", "pools").decode().split("\r\n")
    lines = [line.split(":") for line in lines if ":gets=" in line]
    return {name: {k: int(v) for k, v in (pair.split("=") for pair in counts.split(","))}
            for name, counts in lines}


def in_use(client):
    return {name: counts["in_use"] for name, counts in pools(client).items()}


def fan_out(program):
    """One block for each message, whatever the number of subscribers, and none afterwards."""
    message = bytes(range(256)) * 256  # 64 KiB
    rounds = 20
    for options in CONFIGURATIONS:
        with Broker(program, *options) as broker, Client(broker) as publisher:
            listeners = [Client(broker) for _ in range(100)]
            for i, listener in enumerate(listeners):
                if i % 2 == 1:
                    listener.call("HELLO", "3")
                listener.call("SUBSCRIBE", "news")
            before = pools(publisher)
            for _ in range(rounds):
                assert publisher.call("PUBLISH", "news", message) == b":100\r\n"
                for i, listener in enumerate(listeners):
                    got = listener.reply()
                    assert got == (b">" if i % 2 else b"*") + request("message", "news", message)[1:]
            after = pools(publisher)
            if after:
                assert after["messages"]["gets"] - before["messages"]["gets"] == rounds, (before, after)
                assert after["messages"]["in_use"] == 0, after
                assert after["replies"]["gets"] - before["replies"]["gets"] < 4 * rounds, (before, after)
            listeners[0].call("PSUBSCRIBE", "n[a-f]w?")
            assert publisher.call("PUBLISH", "news", "hi") == b":101\r\n"
            assert listeners[0].reply() == request("message", "news", "hi")
            assert listeners[0].reply() == request("pmessage", "n[a-f]w?", "news", "hi")
            for listener in listeners:
                listener.socket.close()
            wait_until(lambda: publisher.call("PUBLISH", "news", "x") == b":0\r\n",
                       "a subscriber that left is still told")
            broker.stop()


def slow_subscriber(program):
    """One that does not read is dropped with a reason; all others get every message."""
    message = b"y" * 100_000
    for options in CONFIGURATIONS:
        with Broker(program, "--output-limit", "1000000", *options) as broker, \
                Client(broker) as publisher, Client(broker) as slow, Client(broker) as good:
            slow.call("SUBSCRIBE", "news")
            good.call("SUBSCRIBE", "news")
            told = 2
            for count in range(1, 1000):
                told = int(publisher.call("PUBLISH", "news", message)[1:])
                assert good.reply() == request("message", "news", message)
                if told == 1:
                    break
            assert told == 1, "it was never dropped"
            assert b"dropped_subscribers:1\r\n" in publisher.call("INFO", "clients")
            for counts in pools(publisher).values():
                assert counts["in_use"] < 100, counts
            # A client that sends requests and reads no answer makes the broker wait, and no more.
            publisher.call("SET", "k", message)
            slow_reader = Client(broker)
            slow_reader.socket.settimeout(0.5)
            try:
                for _ in range(2000):
                    slow_reader.send(request("GET", "k") * 100)
            except TimeoutError:
                pass
            assert publisher.call("PING") == b"+PONG\r\n"
            slow_reader.socket.close()
            log = broker.stop(signal.SIGINT)
            assert "dropped: it does not read" in log, log


def ends(program):
    """A signal in the middle of all kinds of work: every block comes back."""
    for options in CONFIGURATIONS:
        for by in (signal.SIGINT, signal.SIGTERM):
            with Broker(program, *options) as broker:
                clients = [Client(broker) for _ in range(20)]
                for i, client in enumerate(clients):
                    client.call("SUBSCRIBE", "news") if i % 2 else client.call("LPUSH", "l", "a" * 5000)
                clients[0].send(request("SET", "k", "x" * 100_000)[:-50_000])
                clients[2].send(request("LRANGE", "l", "0", "-1") * 1000)
                clients[4].send(request("PUBLISH", "news", "z" * 50_000) * 20)
                log = broker.stop(by)
                if "malloc" not in options[0]:
                    assert log.count(": 0 blocks unaccounted\n") == 4, log


if __name__ == "__main__":
    {"commands": commands, "broken_input": broken_input, "fan_out": fan_out,
     "slow_subscriber": slow_subscriber, "ends": ends}[sys.argv[1]](*sys.argv[2:])
