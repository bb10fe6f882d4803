// A photo from the camera: opened when it is asked for, closed when it has been taken.
import { el } from "./dom.js";
import { texts } from "./texts.js";

// `take` gets the photo as a file. The element to show, and what closes the camera.
export function camera(take) {
    const video = el("video", { autoplay: true, muted: true, playsInline: true, "aria-label": texts.cameraPicture });
    const wrong = el("p", { class: "wrong", role: "alert" });
    let stream = null;
    const open = el("button", { class: "quiet", onclick: start }, texts.camera);
    const shoot = el("button", { onclick: photograph }, texts.shoot),
        stop = el("button", { class: "quiet", onclick: close }, texts.stop);
    const live = el("div", { class: "live", hidden: true }, video, el("p", { class: "tools" }, shoot, stop));
    const box = el("div", {}, open, live, wrong);

    async function start() {
        wrong.textContent = "";
        if (!navigator.mediaDevices) { wrong.textContent = texts.cameraNeedsTls; return; }
        try {
            stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } });
            video.srcObject = stream;
            open.hidden = true;
            live.hidden = false;
            await video.play();
            shoot.focus();
        } catch (error) { close(); wrong.textContent = texts.noCamera(error.message); }
    }
    async function photograph() {
        const canvas = el("canvas", { width: video.videoWidth, height: video.videoHeight });
        if (!canvas.width) return;
        canvas.getContext("2d").drawImage(video, 0, 0);
        const blob = await new Promise(done => canvas.toBlob(done, "image/jpeg", 0.92));
        close();
        take([new File([blob], "camera.jpg", { type: "image/jpeg" })]);
    }
    function close() {
        stream?.getTracks().forEach(track => track.stop());
        stream = video.srcObject = null;
        live.hidden = true;
        open.hidden = false;
    }
    return { box, close };
}
