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
        page.take({ ...frames[index].state, selected: chromm.recording.selected });
      }
      requestAnimationFrame(follow);
    };
    follow();
  };
}
