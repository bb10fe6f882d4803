// The server's API, as far as the page asks it.
let csrf = "";

export class Refused extends Error {
    constructor(status, detail) {
        super(detail);
        this.status = status;
    }
}

export async function ask(method, path, body) {
    const headers = csrf ? { "x-csrf-token": csrf } : {};
    const form = body instanceof FormData;
    if (body && !form) headers["content-type"] = "application/json";
    const reply = await fetch(path, { method, headers, body: body && !form ? JSON.stringify(body) : body });
    const type = reply.headers.get("content-type") ?? "";
    if (!reply.ok) throw new Refused(reply.status,
        type.includes("json") ? (await reply.json()).detail : reply.statusText);
    return type.startsWith("image/") ? reply.blob() : type.includes("json") ? reply.json() : null;
}

// By a key, or a name and a password; without either, the session that there is.
export async function login(secret, name) {
    const who = secret ? await ask("POST", "/v1/session", name ? { name, password: secret } : { key: secret })
        : await ask("GET", "/v1/session");
    csrf = who.csrf;
    return who;
}

export const logout = () => ask("DELETE", "/v1/session");

// A job as it goes on: `tell` hears of each step, `end` gets what came of it. Returns what closes the stream.
export function follow(id, tell, end) {
    const source = new EventSource(`/v1/jobs/${id}/events`);
    source.addEventListener("progress", e => tell(JSON.parse(e.data)));
    source.addEventListener("end", async () => {
        source.close();
        end(await ask("GET", `/v1/jobs/${id}`));
    });
    return () => source.close();
}

export const galleryPath = (gallery, ...more) => ["/v1/galleries", gallery, ...more]
    .map((part, i) => i ? encodeURIComponent(part) : part).join("/");

export function form(fields) {
    const made = new FormData();
    for (const [name, value] of Object.entries(fields)) made.append(name, value);
    return made;
}
