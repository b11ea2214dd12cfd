"""Clients that ask again and again, each on a connection of its own."""
import selectors
import socket
import threading
import time


class Pollers:
    """One thread for all of them, and bytes that are made once: they take no more of the processor than they must."""

    def __init__(self, cluster, path, count, every):
        self.every, self.times, self.is_over, self.fault = every, [], False, None
        host, port = cluster.ports["http"].rsplit(":", 1)
        self.request = (f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {cluster.token}\r\n\r\n").encode()
        self.sockets = [socket.create_connection((host, int(port))) for _ in range(count)]
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        if self.sockets:
            self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over = True
        if self.sockets:
            self.thread.join()
        for connection in self.sockets:
            connection.close()
        if self.fault:
            raise self.fault

    def run(self):
        try:
            self.poll()
        except Exception as error:
            self.fault = error

    def poll(self):
        selector = selectors.DefaultSelector()
        asked = {}
        for connection in self.sockets:
            selector.register(connection, selectors.EVENT_READ)
        began, number = time.monotonic(), 0
        while not self.is_over:
            # Evenly over the time, as people's windows are.
            due = began + number * self.every / len(self.sockets)
            for key, _ in selector.select(max(0, due - time.monotonic())):
                answer = key.fileobj.recv(1 << 16)
                if not answer.startswith(b"HTTP/1.1 200"):
                    raise RuntimeError(f"a client was answered {answer[:80]}")
                self.times.append(1000 * (time.monotonic() - asked[key.fileobj]))
            if time.monotonic() >= due:
                connection = self.sockets[number % len(self.sockets)]
                asked[connection] = time.monotonic()
                connection.sendall(self.request)
                number += 1
