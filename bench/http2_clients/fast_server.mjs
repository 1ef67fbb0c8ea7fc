// A gateway that takes everything, as fast as it can: for load, where a strict one would be the limit.
// node fast_server.mjs KEY_FILE CERTIFICATE_FILE; prints its port; ends when its standard input closes.
import { readFileSync } from "node:fs";
import { constants, createSecureServer } from "node:http2";

const [keyFile, certificateFile] = process.argv.slice(2);
const server = createSecureServer({
  key: readFileSync(keyFile),
  cert: readFileSync(certificateFile),
  settings: { maxConcurrentStreams: 1000, initialWindowSize: 1 << 20 },
});
server.on("session", (session) => session.setLocalWindowSize(1 << 24));
server.on("stream", (stream, headers) => {
  stream.on("error", () => {}); // a client that leaves is no fault of ours
  stream.resume();
  stream.on("end", () => {
    stream.respond({ [constants.HTTP2_HEADER_STATUS]: 200, "apns-id": headers["apns-id"] ?? "" }, { endStream: true });
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => process.exit(0));
