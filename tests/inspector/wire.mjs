// The connection between browser and server, which a case can cut.
import net from "node:net";

export class Wire {
    #sockets = new Set();
    #isCut = false;

    /** Opens a port that passes everything on to the server. */
    static async to(serve) {
        const wire = new Wire();
        wire.server = net.createServer((socket) => {
            if (wire.#isCut) return socket.destroy();
            const target = net.connect(new URL(serve.origin).port, "127.0.0.1");
            socket.pipe(target).pipe(socket);
            for (const end of [socket, target]) {
                wire.#sockets.add(end);
                end.on("error", () => socket.destroy());
                end.on("close", () => wire.#sockets.delete(end));
            }
        });
        await new Promise((resolve) => wire.server.listen(0, "127.0.0.1", resolve));
        return wire;
    }

    /** The arguments with which the browser takes this way, and still sees the server's own address. */
    get browserArguments() {
        return [`--host-resolver-rules=MAP 127.0.0.1 127.0.0.1:${this.server.address().port}`];
    }

    cut() {
        this.#isCut = true;
        this.#sockets.forEach((socket) => socket.destroy());
    }

    restore() {
        this.#isCut = false;
    }

    close() {
        this.cut();
        this.server.close();
    }
}
