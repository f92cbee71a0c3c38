// Loaded into Node by `mockserver run`, for libraries that connect past every proxy, such as google-gax over REST.
//
// Connections to hosts that are emulated lead to the server's own TLS port. Others end with an error, except to this
// machine and to hosts that may be reached.
"use strict";
const net = require("node:net");

module.exports = ({ port, emulated, passed }) => {
  const isEmulated = new RegExp(`^(?:${emulated})$`, "i");
  const isOpen = (host) => /^(?:localhost|127\..*|::1)$/i.test(host) || passed.includes(host.toLowerCase());
  const connect = net.Socket.prototype.connect;

  net.Socket.prototype.connect = function (...args) {
    const [first, ...rest] = Array.isArray(args[0]) ? args[0] : args; // net.connect passes an array of its own
    const options = typeof first === "object" ? first : { port: first, host: typeof rest[0] === "string" ? rest[0] : "" };
    const host = options.path ? "" : options.host || "";
    if (!host || isOpen(host)) return connect.apply(this, args);
    if (isEmulated.test(host)) {
      const callback = rest.find((each) => typeof each === "function");
      return connect.call(this, { ...options, host: "127.0.0.1", port, lookup: undefined }, callback);
    }
    const sentence = `mockserver run: ${host} is not emulated; to let the program reach it, run it with --pass-host ${host}`;
    process.nextTick(() => this.destroy(new Error(sentence)));
    return this;
  };
};
