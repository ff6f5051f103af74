// The page around the scene: banner, line of state, map, people, plots and the strip of the cameras.

chromm.page = {
  state: null,
  images: {},
  received: 0, // [ms] when the state came
  memory: {},
  spots: new Map(), // where people are in each picture, for clicks

  build() {
    const root = document.createElement("div");
    root.id = "chromm";
    root.innerHTML = `
      <div class="banner" role="alert" hidden></div>
      <div class="line"><button class="toggle" data-part="side">Map and people</button>
        <button class="toggle" data-part="strip">Cameras</button><span class="now"></span><div class="parts" hidden></div></div>
      <div class="side"><canvas class="map" title="From above"></canvas><div class="people"></div>
        <canvas class="plot delays" title="Delay from the acquisition of the images to the message"></canvas>
        <canvas class="plot rates" title="Windows per second"></canvas></div>
      <div class="awaited" hidden></div>
      <div class="strip"></div>`;
    document.body.append(root);
    this.root = root;
    this.part = (name) => root.querySelector(`.${name}`);
    if (window.innerWidth < 600) root.classList.add("no-side", "no-strip");
    for (const button of root.querySelectorAll(".toggle")) {
      button.onclick = () => root.classList.toggle(`no-${button.dataset.part}`);
    }
    this.part("map").onclick = (event) => this.pick(event, "map");
    const parts = this.part("parts");
    const line = this.part("now");
    line.onmouseenter = () => (parts.hidden = !parts.textContent);
    line.onmouseleave = () => (parts.hidden = true);
    line.onclick = () => (parts.hidden = !parts.hidden || !parts.textContent);
    chromm.connection.onState = (state) => this.take(state);
    chromm.connection.onImages = (images) => Object.assign(this.images, images);
    setInterval(() => {
      chromm.connection.looks += 1;
      this.refresh();
    }, 250);
  },

  take(state) {
    if (state.version !== undefined && state.version !== chromm.version && sessionStorage.chromm !== state.version) {
      sessionStorage.chromm = state.version; // once, should a cache give the old page again
      window.location.reload();
    }
    this.state = state;
    this.received = performance.now();
    requestAnimationFrame(() => this.refresh());
  },

  // What is wrong, seen from here: the server may be gone, or hang; else what it says itself.
  trouble() {
    const { connection } = chromm;
    const now = performance.now();
    if (!chromm.recording && !connection.connected && now - connection.since > 1500 && connection.looks > 6) {
      const seconds = ((now - connection.since) / 1000).toFixed(0);
      const before = connection.heard !== null ? "this is what it showed before; " : "";
      return { level: "error", text: `no connection to the viewer for ${seconds} s: ${before}trying again`, lost: true };
    }
    const silent = (now - (connection.heard ?? now)) / 1000;
    if (!chromm.recording && silent > 3 && connection.looks > 12) {
      return { level: "error", text: `the viewer has not answered for ${silent.toFixed(0)} s: its process hangs`, lost: true };
    }
    return this.state && this.state.notice;
  },

  // How old what is shown is: as the server says, or by our own clock when it says nothing any more.
  fade(trouble) {
    if (!this.state) return 0;
    if (!trouble || !trouble.lost) return this.state.fade;
    const silent = (performance.now() - this.received) / 1000;
    return Math.max(0, Math.min(this.state.fade, 1 - (silent - 2) / 10));
  },

  refresh() {
    this.settle();
    const trouble = this.trouble();
    const banner = this.part("banner");
    banner.hidden = !trouble;
    if (trouble) {
      if (banner.textContent !== trouble.text) banner.textContent = trouble.text;
      banner.className = `banner ${trouble.level}`;
    }
    const lost = Boolean(trouble && trouble.lost);
    const canvas = this.scene();
    const fade = this.fade(trouble);
    if (canvas) canvas.style.filter = lost ? `grayscale(1) opacity(${Math.max(0.15, fade)})` : "";
    const { state } = this;
    if (!state) return;
    this.drawLine(state, trouble);
    this.drawAwaited(state);
    this.drawPeople(state, fade);
    this.drawStrip(state, fade, lost);
    if (this.visible("map")) this.spots.set("map", chromm.drawMap(this.part("map"), state, fade, this.memory));
    // A browser that is busy drawing does not hear: that is no silence.
    const since = Math.min((performance.now() - this.received) / 1000, 0.5 + 0.25 * chromm.connection.looks);
    const silent = (row, value) => [row[0], row[1] === null ? null : value];
    const plots = chromm.recording || !state.history.length ? null : ["delays", "rates"];
    for (const name of ["delays", "rates"]) this.part(name).hidden = !plots;
    if (!plots || !this.visible("delays")) return;
    const rows = state.history;
    chromm.drawPlot(this.part("delays"), rows.map((row) => [row[0], row[1]]), since, state.usual, "#c8443c", "delay [ms]");
    chromm.drawPlot(this.part("rates"), rows.map((row) => silent(row, row[2])), since, state.usual, "#3a6fd8", "windows/s");
  },

  visible(name) {
    return this.part(name).clientHeight > 0 && this.part(name).clientWidth > 0;
  },

  scene() {
    return document.querySelector("canvas[data-engine]");
  },

  // The overlay lies on the scene, whatever viser's panel leaves of the window; on a phone that panel begins folded.
  settle() {
    const canvas = this.scene();
    const box = canvas ? canvas.getBoundingClientRect() : { left: 0, top: 0, width: innerWidth, height: innerHeight };
    Object.assign(this.root.style, {
      left: `${box.left}px`,
      top: `${box.top}px`,
      width: `${box.width}px`,
      height: `${box.height}px`,
    });
    const handle = document.querySelector('div[style*="height: 3.5em"][style*="cursor: pointer"]');
    this.root.classList.toggle("phone", Boolean(handle));
    if (handle && !this.folded) {
      this.folded = true;
      handle.click();
    }
  },

  drawLine(state, trouble) {
    const seen = state.people.filter((person) => person.state === "tracked").length;
    const more = state.people.length - seen;
    const words = [];
    if (chromm.recording) words.push(chromm.recording.title);
    else if (!state.live) words.push(`${state.ago.toFixed(1)} s ago`);
    else if (state.window === null) words.push("waiting");
    else words.push(trouble && trouble.level === "error" ? "not live" : "live");
    if (state.window !== null) {
      const people = trouble && trouble.level === "error" && state.live ? "last seen: " : "";
      words.push(`${people}${seen} people${more ? ` (+${more} unseen)` : ""}`);
      if (!chromm.recording) words.push(`${state.rate.toFixed(1)} windows/s`, `delay ${Math.round(1000 * state.delay)} ms`);
    }
    const now = this.part("now");
    now.textContent = words.join(" · ");
    now.className = `now ${trouble ? trouble.level : state.window === null ? "warn" : "well"}`;
    const parts = state.stages.map(([name, milliseconds]) => `${name} ${milliseconds} ms`).join("\n");
    this.part("parts").textContent = parts && `the delay is made of\n${parts}`;
  },

  drawAwaited(state) {
    const card = this.part("awaited");
    card.hidden = !state.awaited.length;
    this.fill(card, state.awaited, ([what, topic, seen, there]) => {
      const row = document.createElement("div");
      row.className = there ? "there" : "missing";
      row.append(...[what, topic, seen].map((text) => Object.assign(document.createElement("span"), { textContent: text })));
      return row;
    });
    if (state.awaited.length) card.prepend(Object.assign(document.createElement("b"), { textContent: "Waiting for the first window" }));
  },

  // New children, only when they would differ.
  fill(parent, rows, make) {
    const key = JSON.stringify(rows);
    if (parent.dataset.key === key) return;
    parent.dataset.key = key;
    parent.replaceChildren(...rows.map(make));
  },

  drawPeople(state, fade) {
    const people = fade > 0 ? state.people : [];
    const list = this.part("people");
    const names = state.cameras.map((camera) => camera.name);
    // Rows stay while the same people are there: a click that begins on one must end on it.
    this.fill(list, people.map((person) => [person.id, person.color, names.length]), ([id, color]) => {
      const row = document.createElement("button");
      row.className = "person";
      row.dataset.id = id;
      row.innerHTML = `<span class="chip"></span><b></b><span class="belief"><u></u></span><span class="since"></span>
        <span class="dots">${"<i></i>".repeat(names.length)}</span><small></small>`;
      row.querySelector("b").textContent = id;
      row.querySelector(".chip").style.background = color;
      row.onclick = () => this.select(id);
      return row;
    });
    people.forEach((person, index) => this.describe(list.children[index], person, names, state.selected === person.id));
  },

  describe(row, person, names, chosen) {
    const tracked = person.state === "tracked";
    const age = person.age < 90 ? `${person.age.toFixed(0)} s` : `${(person.age / 60).toFixed(0)} min`;
    row.classList.toggle("chosen", chosen);
    row.querySelector(".chip").classList.toggle("ghost", !tracked);
    row.querySelector("u").style.width = `${100 * person.belief}%`;
    row.querySelector(".since").textContent = tracked ? age : `${person.state} ${person.unseen.toFixed(0)} s`;
    row.querySelectorAll("i").forEach((dot, index) => dot.classList.toggle("on", person.cameras.includes(names[index])));
    row.title = `person ${person.id}, ${person.state}: belief ${person.belief}, known for ${age}, ` +
      `${person.speed} m/s, ${person.height} m tall, at ${person.xyz.join(", ")} m, seen by ${person.cameras.join(", ") || "no camera"}`;
    row.querySelector("small").textContent = chosen ? row.title : "";
  },

  drawStrip(state, fade, lost) {
    const strip = this.part("strip");
    this.fill(strip, state.cameras.map((camera) => camera.name), (name) => {
      const tile = document.createElement("figure");
      tile.innerHTML = `<img alt=""><canvas></canvas><figcaption><b></b><span></span></figcaption>`;
      tile.dataset.camera = name;
      tile.querySelector("b").textContent = name;
      tile.querySelector("canvas").onclick = (event) => this.pick(event, name);
      return tile;
    });
    state.cameras.forEach((camera, index) => {
      const tile = strip.children[index];
      const image = tile.firstChild;
      if (this.images[camera.name] && image.src !== this.images[camera.name]) image.src = this.images[camera.name];
      tile.classList.toggle("empty", !this.images[camera.name]);
      const words = chromm.recording ? [] : [`${camera.rate.toFixed(1)} Hz, used ${camera.used.toFixed(1)}`];
      if (camera.state === "unknown") words.push("state unknown");
      else if (camera.state !== "ok") words.unshift(camera.state);
      if (!camera.calibrated) words.push("no CameraInfo");
      if (Math.abs(camera.lag) > 0.15) words.push(`image ${Math.abs(camera.lag).toFixed(1)} s ${camera.lag < 0 ? "old" : "new"}`);
      tile.querySelector("span").textContent = words.join(" · ");
      tile.title = camera.note || camera.name;
      tile.className = `${chromm.isFine(camera) ? "" : "bad"} ${this.images[camera.name] ? "" : "empty"}`;
      image.style.opacity = chromm.isFine(camera) && !lost ? 1 : 0.35;
      if (tile.clientHeight) {
        const shown = chromm.isFine(camera) ? fade : Math.min(fade, 0.4);
        this.spots.set(camera.name, chromm.drawMarks(tile.querySelector("canvas"), camera, state, shown));
      }
    });
  },

  // Whoever is nearest to a click.
  pick(event, picture) {
    const { offsetX, offsetY } = event;
    const near = (this.spots.get(picture) || [])
      .map((spot) => ({ id: spot.id, distance: Math.hypot(spot.x - offsetX, spot.y - offsetY) }))
      .sort((one, other) => one.distance - other.distance)[0];
    if (near && near.distance < 45) this.select(near.id);
  },

  select(id) {
    const chosen = this.state.selected === id ? null : id;
    this.state.selected = chosen;
    if (chromm.recording) chromm.recording.selected = chosen;
    else chromm.connection.ask({ select: chosen });
    this.refresh();
  },
};

document.addEventListener("DOMContentLoaded", () => {
  chromm.page.build();
  if (chromm.play) chromm.play();
});
