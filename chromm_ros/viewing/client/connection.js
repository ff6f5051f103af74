// How the page hears from its server and speaks to it: over the connection that viser keeps.
//
// Two habits of viser's client are changed. It tries again every second and drops the attempt before, so that a server
// that needs longer than a second to answer is never reached; and it tries only while its window has the focus.
const chromm = {};

chromm.connection = {
  worker: null,
  connected: false,
  since: performance.now(), // of the present state [ms]
  heard: null, // when the server spoke last [ms]
  looks: 0, // how often the page looked for news since then: a browser that is busy drawing does not hear either
  attempt: null, // when the attempt that is under way began [ms]
  handles: new Map(), // what a hidden element of the panel is for, by its identifier
  onState: () => {},
  onImages: () => {},

  // An attempt ends by itself after five seconds.
  waiting() {
    return this.attempt !== null && performance.now() - this.attempt < 6000;
  },

  hear(worker, data) {
    if (data.type === "connected" || data.type === "closed") {
      this.worker = worker;
      this.attempt = null;
      if (this.connected !== (data.type === "connected")) this.since = performance.now();
      this.connected = data.type === "connected";
      if (this.connected) this.handles.clear();
    } else if (data.type === "message_batch") {
      this.heard = performance.now();
      this.looks = 0;
      for (const message of data.messages) this.read(message);
    }
  },

  read(message) {
    if (message.type === "GuiHtmlMessage") {
      const kind = /^<!--chromm (\w+)-->/.exec(message.props.content);
      if (!kind) return;
      this.handles.set(message.uuid, kind[1]);
      this.take(kind[1], message.props.content);
    } else if (message.type === "GuiTextMessage" && message.props.label === "chromm request") {
      this.handles.set("request", message.uuid);
    } else if (message.type === "GuiUpdateMessage" && this.handles.has(message.uuid) && message.updates.content) {
      this.take(this.handles.get(message.uuid), message.updates.content);
    }
  },

  take(kind, content) {
    const body = content.slice(content.indexOf("-->") + 3);
    if (!body) return;
    const value = JSON.parse(body);
    if (kind === "state") this.onState(value);
    else if (kind === "images") this.onImages(value);
  },

  // Ask the server for something, as {select: 3}.
  ask(request) {
    const uuid = this.handles.get("request");
    if (!uuid || !this.worker) return;
    const value = JSON.stringify({ ...request, at: Date.now() });
    this.worker.postMessage({ type: "send", message: { type: "GuiUpdateMessage", uuid, updates: { value } } });
  },
};

if (!window.__CHROMM_RECORDING__) {
  document.hasFocus = () => true;
  window.Worker = class extends window.Worker {
    constructor(...options) {
      super(...options);
      this.addEventListener("message", (event) => event.data && chromm.connection.hear(this, event.data));
    }

    postMessage(message, ...rest) {
      if (message && (message.type === "retry" || message.type === "set_server")) {
        if (message.type === "retry" && chromm.connection.waiting()) return;
        chromm.connection.attempt = performance.now();
      }
      super.postMessage(message, ...rest);
    }
  };
}
