/**
 * A real browser without a window, driven by its own protocol.
 *
 * @module
 */
import { toFileUrl } from "@std/path";
import { find } from "./command.ts";

/** What opens a page: how wide the screen is, and what its owner likes. */
export interface Viewport {
  readonly width: number;
  readonly height?: number;
  readonly dark?: boolean;
}

/** The program, or undefined when there is none on this machine. */
export const BROWSER: string | undefined = find("chromium-headless-shell") ?? find("chromium");

interface Reply {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** A browser, which ends when it is disposed of. */
export class Browser implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<
    number,
    { resolve: (result: Record<string, unknown>) => void; reject: (error: Error) => void }
  >();
  readonly #listeners = new Set<(event: Reply) => void>();
  #last = 0;

  private constructor(process: Deno.ChildProcess, profile: string, socket: WebSocket) {
    this.#process = process;
    this.#profile = profile;
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#hear(JSON.parse(data));
  }

  /** Starts a program. */
  static async start(program: string): Promise<Browser> {
    const profile = await Deno.makeTempDir();
    const process = new Deno.Command(program, {
      args: [
        ...[
          "--headless",
          "--no-sandbox",
          "--disable-gpu",
          "--disable-quic",
          "--no-first-run",
          "--hide-scrollbars",
        ],
        ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
        ...["--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"],
      ],
      env: { HOME: profile },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const socket = new WebSocket(await addressIn(process.stderr));
    await new Promise((resolve, reject) => [socket.onopen, socket.onerror] = [resolve, reject]);
    return new Browser(process, profile, socket);
  }

  #hear(reply: Reply): void {
    if (reply.id === undefined) return this.#listeners.forEach((listen) => listen(reply));
    const { resolve, reject } = this.#waiting.get(reply.id)!;
    this.#waiting.delete(reply.id);
    if (reply.error === undefined) resolve(reply.result!);
    else reject(new Error(reply.error.message));
  }

  /** Calls a method of the protocol. */
  async call(
    method: string,
    params: Record<string, unknown> = {},
    sessionId?: string,
  ): Promise<Record<string, unknown>> {
    const id = ++this.#last;
    const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>>();
    this.#waiting.set(id, { resolve, reject });
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return await promise;
  }

  /** Listens to the events of a session until what is returned is called. */
  listen(sessionId: string, hear: (method: string, params: Record<string, unknown>) => void): () => void {
    const listener = ({ method, params = {}, ...event }: Reply) => {
      if (event.sessionId === sessionId) hear(method!, params);
    };
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Opens a file on a screen. */
  async open(path: string, { width, height = 800, dark = false }: Viewport): Promise<Tab> {
    const { targetId } = await this.call("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.call("Target.attachToTarget", { targetId, flatten: true });
    const tab = new Tab(this, String(targetId), String(sessionId));
    await tab.call("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 500,
    });
    await tab.call("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }],
    });
    for (const domain of ["Page", "Log", "Network"]) await tab.call(`${domain}.enable`);
    await tab.load(toFileUrl(path).href);
    return tab;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    await this.call("Browser.close");
    await closed;
    await this.#process.status;
    await Deno.remove(this.#profile, { recursive: true });
  }
}

/** A page that is open. */
export class Tab implements AsyncDisposable {
  readonly #browser: Browser;
  readonly #target: string;
  readonly #session: string;
  readonly #stop: () => void;
  #loaded = Promise.withResolvers<void>();
  /** What the browser has complained of, such as what a policy forbids. */
  readonly complaints: string[] = [];
  /** What it has asked of files and servers. */
  readonly requests: string[] = [];

  constructor(browser: Browser, target: string, session: string) {
    this.#browser = browser;
    this.#target = target;
    this.#session = session;
    this.#stop = browser.listen(session, (method, params) => {
      if (method === "Page.loadEventFired") this.#loaded.resolve();
      if (method === "Log.entryAdded") this.complaints.push((params.entry as { text: string }).text);
      if (method === "Network.requestWillBeSent") this.requests.push((params.request as { url: string }).url);
    });
  }

  /** Calls a method of the protocol on the page. */
  call(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    return this.#browser.call(method, params, this.#session);
  }

  /** Loads an address, and waits until it has. */
  async load(url: string): Promise<void> {
    this.#loaded = Promise.withResolvers();
    await this.call("Page.navigate", { url });
    await this.#loaded.promise;
  }

  /** What an expression gives, in a world of its own that the policy of the page does not reach. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", {
      ...{ expression, awaitPromise: true, returnByValue: true },
    }) as { result: { value: T }; exceptionDetails?: { exception?: { description?: string }; text: string } };
    if (exceptionDetails !== undefined) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value;
  }

  /** Waits until an expression gives true: what follows a key takes its time. */
  async until(expression: string): Promise<void> {
    for (let tries = 0; tries < 500; tries++) {
      if (await this.evaluate<boolean>(expression)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`never: ${expression}`);
  }

  /** Presses a key. */
  async press(key: "Tab" | "Enter"): Promise<void> {
    const code = { Tab: 9, Enter: 13 }[key];
    const text = key === "Enter" ? { text: "\r" } : {};
    await this.call("Input.dispatchKeyEvent", {
      type: "keyDown",
      key,
      code: key,
      windowsVirtualKeyCode: code,
      ...text,
    });
    await this.call("Input.dispatchKeyEvent", { type: "keyUp", key, code: key, windowsVirtualKeyCode: code });
  }

  /** The page as a picture: PNG of all of it, or of so many pixels from its top. */
  async screenshot(most?: number): Promise<Uint8Array<ArrayBuffer>> {
    const { cssContentSize: { width, height } } = await this.call("Page.getLayoutMetrics") as {
      cssContentSize: { width: number; height: number };
    };
    const { data } = await this.call("Page.captureScreenshot", {
      captureBeyondViewport: true,
      clip: { x: 0, y: 0, width, height: Math.min(height, most ?? height), scale: 1 },
    });
    return Uint8Array.fromBase64(String(data));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop();
    await this.#browser.call("Target.closeTarget", { targetId: this.#target });
  }
}

/** The address that a browser says it listens at; what else it says is passed over. */
async function addressIn(stderr: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const read = async () => {
    let said = "";
    for await (const text of stderr.pipeThrough(new TextDecoderStream())) {
      said += text;
      const address = /DevTools listening on (\S+)\r?\n/.exec(said)?.[1];
      if (address !== undefined) resolve(address);
    }
    reject(new Error(`the browser ended: ${said}`));
  };
  read().catch(reject);
  return await promise;
}
