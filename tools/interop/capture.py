"""Writes every packet that passes network interfaces of this namespace to files, until it is told to stop.

Arguments: interface and file, in pairs. Prints "capturing" once it listens. Run by test/interop/twoMachines.test.ts, as root.
"""
import selectors, signal, socket, sys

ETH_P_ALL = 3
selector = selectors.DefaultSelector()
for interface, path in zip(sys.argv[1::2], sys.argv[2::2]):
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    packets.bind((interface, 0))
    selector.register(packets, selectors.EVENT_READ, open(path, "wb", buffering=0))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
print("capturing", flush=True)
while True:
    for key, _ in selector.select():
        try:
            key.data.write(key.fileobj.recv(1 << 16))
        except OSError as error:
            # The interface went down; it comes up again.
            print(error, file=sys.stderr)
