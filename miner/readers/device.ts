/** The ways to ask one device. Every one has a time limit, takes a bounded answer and leaves no connection open. */
export interface Device {
  /** For messages. */
  readonly address: string;
  /** Configured for it; without, the login that its family is sold with is used. */
  readonly login?: Login;
  /** The cgminer protocol on TCP 4028: the raw answer, without the NUL. */
  rpc(command: string, parameter?: string): Promise<string>;
  /** Whatsminer's API 3 on TCP 4433: the raw answer. */
  whatsminer(command: string, parameter?: string): Promise<string>;
  /** The body of any HTTP answer below 400; a higher one throws `HttpStatusError`. */
  http(request: HttpRequest): Promise<string>;
}

export interface HttpRequest {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, by POST. */
  readonly body?: unknown;
  /** For a device that asks for it (digest). */
  readonly login?: Login;
}

export interface Login {
  readonly user: string;
  readonly password: string;
}

export interface Ports {
  /** The cgminer protocol. */
  readonly rpc: number;
  readonly http: number;
  /** Whatsminer's API 3. */
  readonly whatsminer: number;
}

export const STANDARD_PORTS: Ports = { rpc: 4_028, http: 80, whatsminer: 4_433 };
