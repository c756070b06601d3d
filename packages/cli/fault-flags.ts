// The flags of `micronova fault add`, by the part of a rule that each fills in. Which go together is for the
// service to say.

export const ruleFlags = {
  match: {
    project: "of this project, by name or id",
    method: "of this HTTP method, call over the bus, or method of a driver",
    path: "of this path: :name is one segment, * is anything",
    header: "with this header, such as 'x-test: retry'",
    resource: "about this server, volume or other thing, by id",
    role: "in the process of this role: api, conductor, scheduler, compute, network, volume",
    host: "on this host",
    queue: "to or from this queue, such as compute.fake-001",
    driver: "of this driver: virt, volume, network",
    saga: "of this saga, such as server-create",
    step: "of this step of it, such as spawn",
    event: "at the commit that records this of the step: started, succeeded, failed, undoing, undone",
  },
  action: {
    ms: "how long it takes, or by how much the clock jumps",
    status: "the answer's status",
    message: "what is said",
    "retry-after": "the seconds in Retry-After; without it there is no such header",
    bytes: "how much of the body is sent",
  },
  when: {
    nth: "only at the nth call",
    first: "only at so many calls from the first",
    probability: "with this chance, from 0 to 1",
    seed: "where that chance comes from",
  },
  expires: {
    seconds: "ends after so many seconds",
    hits: "ends after it has acted so often",
  },
} as const;
