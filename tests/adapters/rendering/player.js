// Plays segments one after another by Media Source Extensions, and says what was seen.
const video = document.querySelector("video");
const seen = { first: null, frames: [], errors: [] };
window.seen = seen;

window.start = async (begin) => {
  const asked = performance.now();
  const source = new MediaSource();
  const answer = await fetch(`/segment?first=${begin}`);
  const codecs = `video/mp4; codecs="${answer.headers.get("X-Codecs")}"`;
  if (!MediaSource.isTypeSupported(codecs)) throw new Error(`not played: ${codecs}`);
  video.src = URL.createObjectURL(source);
  await new Promise((done) => source.addEventListener("sourceopen", done, { once: true }));
  window.buffer = source.addSourceBuffer(codecs);
  window.source = source;
  video.addEventListener("error", () => seen.errors.push(video.error.message));
  const shown = (_, frame) => {
    seen.first ??= performance.now() - asked;
    seen.frames.push(frame.mediaTime);
    video.requestVideoFrameCallback(shown);
  };
  video.requestVideoFrameCallback(shown);
  await window.put(await answer.arrayBuffer());
  video.currentTime = begin / 1000;
  await video.play();
};

window.append = async (first) => {
  const answer = await fetch(`/segment?first=${first}`);
  if (!answer.ok) throw new Error(`refused: ${answer.status}`);
  await window.put(await answer.arrayBuffer());
};

window.put = async (data) => {
  const done = new Promise((resolve, reject) => {
    window.buffer.addEventListener("updateend", resolve, { once: true });
    window.buffer.addEventListener("error", () => reject(new Error("append")), { once: true });
  });
  window.buffer.appendBuffer(data);
  await done;
};

window.ranges = () => Array.from({ length: video.buffered.length }, (_, at) => [video.buffered.start(at), video.buffered.end(at)]);

window.seek = async (first) => {
  const asked = performance.now();
  await window.append(first);
  const shown = new Promise((done) => video.requestVideoFrameCallback((_, frame) => done(frame.mediaTime)));
  video.currentTime = first / 1000 + 0.001;
  const at = await shown;
  return { at, took: performance.now() - asked };
};

window.painted = () => {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const pen = canvas.getContext("2d");
  pen.drawImage(video, 0, 0);
  return { at: video.currentTime, width: canvas.width, height: canvas.height, picture: canvas.toDataURL("image/png") };
};
