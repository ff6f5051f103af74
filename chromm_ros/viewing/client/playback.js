// An exported page: the same overlay, from what the file holds, at the time of the bar below the scene.

if (window.__CHROMM_RECORDING__) {
  chromm.recording = { ...window.__CHROMM_RECORDING__, selected: null };

  chromm.play = () => {
    const { frames, title, about } = chromm.recording;
    const { page } = chromm;
    document.title = title;
    const note = Object.assign(document.createElement("details"), { className: "about" });
    const lines = Object.entries(about).map(([name, value]) => `${name}: ${value}`);
    note.append(
      Object.assign(document.createElement("summary"), { textContent: "About this recording" }),
      Object.assign(document.createElement("pre"), { textContent: lines.join("\n") }),
    );
    page.root.append(note);
    // What does not change from frame to frame is in the file once; trails are where people were before.
    const latest = (index, name) => {
      while (index > 0 && !frames[index].state[name]) index -= 1;
      return frames[index].state[name];
    };
    const trail = (id, index) => {
      const places = [];
      for (let at = index; at >= 0 && frames[at].time > frames[index].time - chromm.recording.trail; at -= 1) {
        const then = frames[at].state.people.find((person) => person.id === id);
        if (then && then.state !== "predicted") places.unshift(then.xyz);
      }
      return places;
    };
    const complete = (index) => {
      const { state } = frames[index];
      const people = state.people.map((person) => ({ ...person, trail: trail(person.id, index) }));
      return { ...state, people, bones: latest(index, "bones"), cameras: latest(index, "cameras") };
    };
    let shown = null;
    const follow = () => {
      const bar = document.querySelector('[role="slider"][aria-valuenow]');
      const time = bar ? Number(bar.getAttribute("aria-valuenow")) : 0;
      let index = frames.findIndex((frame) => frame.time > time + 1e-6) - 1;
      if (index < -1) index = frames.length - 1;
      index = Math.max(index, 0);
      if (index !== shown) {
        shown = index;
        const images = frames[index].images;
        for (const [name, at] of Object.entries(images)) {
          page.images[name] = `data:image/jpeg;base64,${chromm.recording.pictures[at]}`;
        }
        page.take({ ...complete(index), selected: chromm.recording.selected });
      }
      requestAnimationFrame(follow);
    };
    follow();
  };
}
