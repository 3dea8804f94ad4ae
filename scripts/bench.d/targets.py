"""Takes every TCP connection to a port, on all of this machine's addresses, and closes it: thousands of
targets in one process. `targets.py PORT`"""

import socket
import sys

BACKLOG = 4096

with socket.create_server(("0.0.0.0", int(sys.argv[1])), backlog=BACKLOG) as listener:
    while True:
        connection, _ = listener.accept()
        connection.close()
