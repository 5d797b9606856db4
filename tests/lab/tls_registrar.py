"""A provider that speaks TLS: answers every request with 200, and prints the
name it was asked for, the request line and the Contact.

    tls_registrar.py ADDRESS PORT CERTIFICATE KEY
"""
import socket
import ssl
import sys
import threading


def answer(head):
    lines = head.split("\r\n")
    kept = [line for line in lines[1:]
            if line.split(":")[0].lower() in ("via", "from", "to", "call-id", "cseq", "contact", "expires")]
    return "\r\n".join(["SIP/2.0 200 OK"] + kept + ["Content-Length: 0", "", ""])


def serve(plain, context):
    try:
        conn = context.wrap_socket(plain, server_side=True)
    except (ssl.SSLError, OSError) as error:
        print("no handshake:", error, flush=True)
        return
    text = ""
    while True:
        try:
            more = conn.recv(65536)
        except OSError:
            return
        if not more:
            return
        text += more.decode(errors="replace")
        while "\r\n\r\n" in text:
            head, text = text.lstrip("\r\n").split("\r\n\r\n", 1)
            for line in head.split("\r\n"):
                if line.split(":")[0] in ("Via", "Contact") or " SIP/2.0" in line:
                    print(line, flush=True)
            conn.sendall(answer(head).encode())


def main():
    address, port, cert, key = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.sni_callback = lambda conn, name, ctx: print("asked for", name, flush=True)
    s = socket.create_server((address, int(port)))
    while True:
        threading.Thread(target=serve, args=(s.accept()[0], context), daemon=True).start()


if __name__ == "__main__":
    main()
