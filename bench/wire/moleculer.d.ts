/** As much of Moleculer as the benchmark uses; it is installed when the benchmark runs. */
export declare class ServiceBroker {
  constructor(options: Readonly<Record<string, unknown>>);
  createService(schema: Readonly<Record<string, unknown>>): void;
  start(): Promise<void>;
  waitForServices(names: readonly string[], timeoutMs: number, everyMs: number): Promise<void>;
  call(action: string, params: unknown): Promise<unknown>;
}
