-- TalkByte/1 for Wireshark and tshark. Generated from wire.json by `npm run generate`: do not edit.
--
-- To use it once:   wireshark -X lua_script:talkbyte.lua capture.pcapng      (tshark alike)
-- To install it:    copy it to the folder that Help, About Wireshark, Folders calls "Personal Lua Plugins".
--
-- It takes TCP port 8080, or the ports that its preference names (-o talkbyte.ports:8080,9000). Any other port:
-- Analyze, Decode As, TCP port, TALKBYTE (-d tcp.port==9000,talkbyte). TLS and HTTP on these ports are passed on.
--
-- Under TLS it needs the session's keys, and then finds TalkByte by the ALPN "talkbyte/1". Who has these keys can read
-- everything, the password included; make them for tests only:
--   NODE_OPTIONS=--tls-keylog=keys.log talkbyte-client ...     (other software: SSLKEYLOGFILE=keys.log)
--   tcpdump -i lo -w talk.pcap tcp port 8080
--   tshark -X lua_script:talkbyte.lua -o tls.keylog_file:keys.log -r talk.pcap -Y talkbyte
--
-- Display filters: talkbyte.type, talkbyte.length, talkbyte.auth.username, talkbyte.message.id, talkbyte.fault and so on.
-- Passwords are shown by their length alone, unless -o talkbyte.show_secrets:TRUE (the bytes of the packet show them anyway).
-- Faults of a single frame are expert infos. Whether a frame may come in this state is not judged, but for who may send it.

local protocol = { version = 1, alpn = "talkbyte/1", port = "8080" }
local extension = { first = 0x80, last = 0xff }
local limits = {
  login = 4096,
  highest = 16777216,
}

local codes = {
  refusals = {
    [1] = "bad-credentials",
    [2] = "mechanism-unavailable",
    [3] = "busy",
    [4] = "throttled",
    [5] = "abandoned",
  },
  goaways = {
    [1] = "shutdown",
  },
  errors = {
    [1] = "malformed",
    [2] = "frame-too-large",
    [3] = "unknown-type",
    [4] = "unexpected-frame",
    [5] = "reply-mismatch",
    [6] = "unsupported-version",
    [7] = "alpn-required",
    [8] = "timeout",
    [9] = "shutdown",
    [10] = "internal",
    [11] = "revoked",
  },
}

local frames = {
  [0x01] = { name = "HELLO", sender = "client", fields = {
    { name = "magic", abbrev = "talkbyte.hello.magic", type = "bytes", length = 8, value = "54616c6b42797465" },
    { name = "min-version", abbrev = "talkbyte.hello.min_version", type = "u8", width = 1, min = 1 },
    { name = "max-version", abbrev = "talkbyte.hello.max_version", type = "u8", width = 1, min = 1 },
    { name = "agent", abbrev = "talkbyte.hello.agent", type = "string8" },
  } },
  [0x02] = { name = "WELCOME", sender = "server", fields = {
    { name = "version", abbrev = "talkbyte.welcome.version", type = "u8", width = 1, min = 1 },
    { name = "agent", abbrev = "talkbyte.welcome.agent", type = "string8" },
    { name = "max-frame-bytes", abbrev = "talkbyte.welcome.max_frame_bytes", type = "u32", width = 4, min = 4096, max = 16777216 },
    { name = "max-under-way", abbrev = "talkbyte.welcome.max_under_way", type = "u16", width = 2, min = 1 },
    { name = "idle-timeout-ms", abbrev = "talkbyte.welcome.idle_timeout_ms", type = "u32", width = 4, min = 1 },
    { name = "mechanisms", abbrev = "talkbyte.welcome.mechanisms", type = "list8", min = 1, max = 16, fields = {
      { name = "name", abbrev = "talkbyte.welcome.mechanisms.name", type = "string8", min = 1, max = 32, format = "mechanism" },
      { name = "parameters", abbrev = "talkbyte.welcome.mechanisms.parameters", type = "bytes16" },
    } },
  } },
  [0x03] = { name = "AUTH", sender = "client", fields = {
    { name = "mechanism", abbrev = "talkbyte.auth.mechanism", type = "string8", min = 1, max = 32, format = "mechanism" },
    { name = "username", abbrev = "talkbyte.auth.username", type = "string8", min = 1, max = 64, format = "username" },
    { name = "mechanism-data", abbrev = "talkbyte.auth.mechanism_data", type = "bytes16", secret = true },
  } },
  [0x04] = { name = "CHALLENGE", sender = "server", fields = {
    { name = "mechanism-data", abbrev = "talkbyte.challenge.mechanism_data", type = "bytes16" },
  } },
  [0x05] = { name = "RESPONSE", sender = "client", fields = {
    { name = "mechanism-data", abbrev = "talkbyte.response.mechanism_data", type = "bytes16", secret = true },
  } },
  [0x06] = { name = "AUTHENTICATED", sender = "server", fields = {
    { name = "session-id", abbrev = "talkbyte.authenticated.session_id", type = "bytes", length = 16 },
    { name = "mechanism-data", abbrev = "talkbyte.authenticated.mechanism_data", type = "bytes16" },
  } },
  [0x07] = { name = "REFUSED", sender = "server", fields = {
    { name = "reason", abbrev = "talkbyte.refused.reason", type = "u8", width = 1, codes = "refusals" },
    { name = "retry-after-ms", abbrev = "talkbyte.refused.retry_after_ms", type = "u32", width = 4 },
    { name = "tries-left", abbrev = "talkbyte.refused.tries_left", type = "u8", width = 1 },
  } },
  [0x10] = { name = "MESSAGE", sender = "client", fields = {
    { name = "id", abbrev = "talkbyte.message.id", type = "u32", width = 4 },
    { name = "payload", abbrev = "talkbyte.message.payload", type = "rest" },
  } },
  [0x11] = { name = "REPLY", sender = "server", fields = {
    { name = "id", abbrev = "talkbyte.reply.id", type = "u32", width = 4 },
    { name = "payload", abbrev = "talkbyte.reply.payload", type = "rest" },
  } },
  [0x12] = { name = "PING", sender = "both", fields = {
    { name = "data", abbrev = "talkbyte.ping.data", type = "bytes", length = 8 },
  } },
  [0x13] = { name = "PONG", sender = "both", fields = {
    { name = "data", abbrev = "talkbyte.pong.data", type = "bytes", length = 8 },
  } },
  [0x20] = { name = "STOP", sender = "client", fields = {} },
  [0x21] = { name = "STOPPED", sender = "server", fields = {
    { name = "accepted", abbrev = "talkbyte.stopped.accepted", type = "u64", width = 8 },
  } },
  [0x22] = { name = "GOAWAY", sender = "server", fields = {
    { name = "reason", abbrev = "talkbyte.goaway.reason", type = "u8", width = 1, codes = "goaways" },
    { name = "drain-ms", abbrev = "talkbyte.goaway.drain_ms", type = "u32", width = 4 },
  } },
  [0x23] = { name = "ERROR", sender = "both", fields = {
    { name = "code", abbrev = "talkbyte.error.code", type = "u8", width = 1, codes = "errors" },
    { name = "min-version", abbrev = "talkbyte.error.min_version", type = "u8", width = 1, min = 1 },
    { name = "max-version", abbrev = "talkbyte.error.max_version", type = "u8", width = 1, min = 1 },
    { name = "detail", abbrev = "talkbyte.error.detail", type = "string8" },
  } },
}

local talkbyte = Proto("talkbyte", "TalkByte")

talkbyte.prefs.ports = Pref.range("TCP ports", protocol.port, "Ports on which TalkByte is expected", 65535)
talkbyte.prefs.show_secrets = Pref.bool("Show secrets", false, "Show passwords and other secrets in the tree")
talkbyte.prefs.pass_on_http = Pref.bool("Pass on HTTP", true, "Leave HTTP on these ports to its own dissector")

local function fault_kind(name, text, severity)
  return ProtoExpert.new("talkbyte.fault." .. name, text, expert.group.PROTOCOL, severity or expert.severity.ERROR)
end

local faults = {
  length_zero = fault_kind("length_zero", "Length 0"),
  over_limit = fault_kind("over_limit", "Length over the limit in force"),
  unknown_type = fault_kind("unknown_type", "Type that is not defined"),
  sender = fault_kind("sender", "Frame that this side never sends"),
  cut_short = fault_kind("cut_short", "The body ends inside a field"),
  trailing = fault_kind("trailing", "Bytes after the last field"),
  value = fault_kind("value", "Not the bytes that the field always has"),
  utf8 = fault_kind("utf8", "Not valid UTF-8"),
  bounds = fault_kind("bounds", "Value, length or count out of bounds"),
  format = fault_kind("format", "Byte outside the field's set"),
  repeated = fault_kind("repeated", "Name that came before"),
  versions = fault_kind("versions", "min-version above max-version"),
  code = fault_kind("code", "Code that version 1 does not define", expert.severity.WARN),
}
talkbyte.experts = faults

local type_names = {}
for type, kind in pairs(frames) do type_names[type] = kind.name end
for type = extension.first, extension.last do type_names[type] = "extension" end

local any = {
  length = ProtoField.uint32("talkbyte.length", "length"),
  type = ProtoField.uint8("talkbyte.type", "type", base.HEX, type_names),
  fault = ProtoField.string("talkbyte.fault", "fault"),
  extension = ProtoField.bytes("talkbyte.extension", "extension body"),
  unknown = ProtoField.bytes("talkbyte.unknown", "body"),
  trailing = ProtoField.bytes("talkbyte.trailing", "bytes after the last field"),
  begun = ProtoField.uint32("talkbyte.begun", "bytes of it here"),
  discarded = ProtoField.bytes("talkbyte.discarded", "what a receiver discards"),
  unread = ProtoField.bytes("talkbyte.unread", "what follows bytes that are missing here"),
}

local prefix_width = { string8 = 1, bytes16 = 2, list8 = 1 }
local registered = {}
for _, field in pairs(any) do table.insert(registered, field) end

local function declare(field)
  local make = ({ u8 = "uint8", u16 = "uint16", u32 = "uint32", u64 = "uint64", list8 = "uint8", string8 = "string" })
  local kind = make[field.type] or "bytes"
  if field.codes then
    field.shown = ProtoField[kind](field.abbrev, field.name, base.DEC, codes[field.codes])
  else
    field.shown = ProtoField[kind](field.abbrev, field.name)
  end
  table.insert(registered, field.shown)
  if field.type == "string8" or field.type == "bytes16" then
    local width = prefix_width[field.type] == 1 and "uint8" or "uint16"
    field.shown_length = ProtoField[width](field.abbrev .. ".length", field.name .. " length")
    table.insert(registered, field.shown_length)
  end
  for _, inner in ipairs(field.fields or {}) do declare(inner) end
end
for _, kind in pairs(frames) do
  for _, field in ipairs(kind.fields) do declare(field) end
end
talkbyte.fields = registered

-- RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF.
local function is_utf8(text)
  local at = 1
  while at <= #text do
    local first = text:byte(at)
    local more, low, high = 0, 0x80, 0xbf
    if first >= 0xc2 and first <= 0xdf then more = 1
    elseif first >= 0xe0 and first <= 0xef then more = 2
    elseif first >= 0xf0 and first <= 0xf4 then more = 3
    elseif first >= 0x80 then return false end
    if first == 0xe0 then low = 0xa0 elseif first == 0xf0 then low = 0x90 end
    if first == 0xed then high = 0x9f elseif first == 0xf4 then high = 0x8f end
    for index = 1, more do
      local byte = text:byte(at + index)
      if not byte or byte < low or byte > high then return false end
      low, high = 0x80, 0xbf
    end
    at = at + more + 1
  end
  return true
end

-- Text of the peer's, for a line of text: control characters are escaped.
local function printable(text)
  if not is_utf8(text) then text = text:gsub("[\128-\255]", function(c) return ("\\x%02x"):format(c:byte()) end) end
  text = text:gsub("\194[\128-\159]", function(c) return ("\\u%04x"):format(c:byte(2)) end)
  return (text:gsub("%c", function(c) return ("\\x%02x"):format(c:byte()) end))
end

local function add_fault(body, item, name, path, problem)
  local text = path == "" and problem or path .. ": " .. problem
  table.insert(body.faults, text)
  body.root:add(any.fault, text):set_generated()
  item:add_proto_expert_info(faults[name], text)
end

local function bounds_problem(field, value, what)
  if field.min and value < field.min then return what .. value .. " is below " .. field.min end
  if field.max and value > field.max then return what .. value .. " is above " .. field.max end
end

-- The first fault of a field's content, and of which kind it is.
local function content_problem(field, content)
  if field.value and content ~= ByteArray.new(field.value):raw() then return "value", "is not " .. field.value end
  if field.type == "string8" and not is_utf8(content) then return "utf8", "is not valid UTF-8" end
  local problem = bounds_problem(field, #content, "a length of ")
  if problem then return "bounds", problem end
  if field.format == "username" and content:find("[^\33-\126]") then return "format", "has a byte outside 0x21 to 0x7E" end
  if field.format == "mechanism" and content:find("[^A-Z0-9-]") then return "format", "has a byte outside A-Z, 0-9 and -" end
end

local function read_integer(body, field, tree, range)
  local item = tree:add(field.shown, range)
  if field.width == 8 then
    table.insert(body.summary, field.name .. "=" .. tostring(range:uint64()))
    return
  end
  local value = range:uint()
  body.values[field.name] = { number = value, item = item }
  local name = field.codes and codes[field.codes][value]
  table.insert(body.summary, name or (field.name .. "=" .. value))
  local path, problem = body.prefix .. field.name, bounds_problem(field, value, "")
  if field.codes and not name then
    add_fault(body, item, "code", path, value .. ' is no code of "' .. field.codes .. '"')
  elseif problem then
    add_fault(body, item, "bounds", path, problem)
  end
end

local function read_content(body, field, tree, range, length_item)
  local content = range:len() == 0 and "" or range:raw()
  local item = length_item
  if field.secret and not talkbyte.prefs.show_secrets then
    length_item:append_text(" (content hidden by a preference)")
  elseif field.type == "string8" then
    item = tree:add_packet_field(field.shown, range, ENC_UTF_8 + ENC_NA)
  else
    item = tree:add(field.shown, range)
    if #content > 0 and #content <= 64 and is_utf8(content) then item:append_text(' "' .. printable(content) .. '"') end
  end
  if #content == 0 and item ~= length_item then item:set_text(field.name .. ": (empty)") end
  if field.type == "string8" and #content > 0 then table.insert(body.summary, printable(content)) end
  if field.type == "rest" then table.insert(body.summary, "(" .. #content .. " bytes)") end
  local name, problem = content_problem(field, content)
  if name then add_fault(body, item, name, body.prefix .. field.name, problem) end
  return content, item
end

-- The next bytes of the body; nothing, and a fault, if there aren't so many.
local function take(body, length, field, tree)
  if body.offset + length > body.stop then
    add_fault(body, tree, "cut_short", body.prefix .. field.name, "the body ends inside this field")
    return nil
  end
  local range = body.tvb:range(body.offset, length)
  body.offset = body.offset + length
  return range
end

local read_list

local function read_field(body, field, tree, seen)
  local length, length_item = field.width or field.length or body.stop - body.offset, nil
  local prefix = prefix_width[field.type]
  if prefix then
    local range = take(body, prefix, field, tree)
    if not range then return false end
    if field.type == "list8" then return read_list(body, field, tree, range) end
    length = range:uint()
    length_item = tree:add(field.shown_length, range)
  end
  local range = take(body, length, field, tree)
  if not range then return false end
  if field.width then
    read_integer(body, field, tree, range)
    return true
  end
  local content, item = read_content(body, field, tree, range, length_item)
  if seen and field.name == "name" then
    if seen[content] then add_fault(body, item, "repeated", body.prefix .. field.name, "a name that came before") end
    seen[content] = true
  end
  return true
end

read_list = function(body, field, tree, range)
  local count = range:uint()
  local list = tree:add(field.shown, range)
  local problem = bounds_problem(field, count, "a count of ")
  if problem then add_fault(body, list, "bounds", field.name, problem) end
  local start, seen = body.offset - 1, {}
  for index = 1, count do
    local first, name = body.offset, field.name .. "[" .. (index - 1) .. "]"
    local group = list:add(body.tvb:range(first, body.stop - first), name)
    body.prefix = name .. "."
    for _, inner in ipairs(field.fields) do
      if not read_field(body, inner, group, seen) then return false end
    end
    group:set_len(body.offset - first)
  end
  body.prefix = ""
  list:set_len(body.offset - start)
  return true
end

local function read_body(body, kind)
  local whole = true
  for _, field in ipairs(kind.fields) do
    whole = whole and read_field(body, field, body.root)
  end
  if whole and body.offset < body.stop then
    local item = body.root:add(any.trailing, body.tvb:range(body.offset, body.stop - body.offset))
    add_fault(body, item, "trailing", "", "bytes after the last field")
  end
  local low, high = body.values["min-version"], body.values["max-version"]
  if low and high and low.number > high.number then
    add_fault(body, low.item, "versions", "min-version", "is above max-version")
  end
end

local function begin_frame(tvb, offset, stop, tree)
  local root = tree:add(talkbyte, tvb:range(offset, stop - offset))
  local length_item = root:add(any.length, tvb:range(offset, 4))
  local body = { tvb = tvb, root = root, offset = offset + 5, stop = stop, prefix = "" }
  body.faults, body.summary, body.values = {}, {}, {}
  return body, length_item
end

local function finish_frame(body)
  local text = table.concat(body.summary, " ")
  if #body.faults > 0 then text = text .. " [" .. table.concat(body.faults, "; ") .. "]" end
  body.root:append_text("/" .. protocol.version .. ", " .. text)
  return text
end

-- One frame that has arrived whole; length is at least 1.
local function read_frame(tvb, offset, stop, tree, from_server)
  local body = begin_frame(tvb, offset, stop, tree)
  local type = tvb:range(offset + 4, 1):uint()
  local type_item = body.root:add(any.type, tvb:range(offset + 4, 1))
  local kind = frames[type]
  local rest = stop - body.offset
  if kind then
    table.insert(body.summary, kind.name)
    read_body(body, kind)
    if kind.sender ~= "both" and (kind.sender == "server") ~= from_server then
      add_fault(body, type_item, "sender", "type", "only the " .. kind.sender .. " sends " .. kind.name)
    end
  elseif type >= extension.first and type <= extension.last then
    table.insert(body.summary, ("extension 0x%02x (%d bytes)"):format(type, rest))
    body.root:add(any.extension, tvb:range(body.offset, rest))
  else
    table.insert(body.summary, ("unknown type 0x%02x (%d bytes)"):format(type, rest))
    body.root:add(any.unknown, tvb:range(body.offset, rest))
    add_fault(body, type_item, "unknown_type", "type", ("0x%02x is not defined"):format(type))
  end
  return finish_frame(body), body, kind
end

-- Length 0, or over the limit: judged by its four bytes alone.
local function read_faulty_length(tvb, offset, stop, tree, name, problem)
  local body, length_item = begin_frame(tvb, offset, stop, tree)
  table.insert(body.summary, "frame of length " .. tvb:range(offset, 4):uint())
  add_fault(body, length_item, name, "length", problem)
  if stop > offset + 4 then body.root:add(any.discarded, tvb:range(offset + 4, stop - offset - 4)) end
  return finish_frame(body)
end

-- What is known of each session, by its addresses and ports. Wireshark reads a capture once from the start, as a rule
-- without a tree, so that fields such as tcp.stream aren't there to ask; later it may show packets in any order. So
-- whatever changes on the way is kept with the number of the packet that changed it.
local sessions = {}
function talkbyte.init() sessions = {} end

local function is_talkbyte_port(port)
  for part in talkbyte.prefs.ports:gmatch("[^,]+") do
    local low, high = part:match("^%s*(%d+)%s*-?%s*(%d*)%s*$")
    if low and port >= tonumber(low) and port <= (tonumber(high) or tonumber(low)) then return true end
  end
  return false
end

local methods = { GET = true, HEAD = true, POST = true, PUT = true, DELETE = true, OPTIONS = true, CONNECT = true, PRI = true }
local function begins_like_http(tvb)
  local method = tvb:range(0, math.min(tvb:len(), 8)):raw():match("^(%u+) ")
  return method ~= nil and methods[method] ~= nil
end

-- A frame of the type whose first field always has the same bytes: HELLO, at the start of what has come.
local function begins_session(tvb)
  if tvb:len() < 5 then return false end
  local kind = frames[tvb:range(4, 1):uint()]
  local first = kind and kind.fields[1]
  if not first or not first.value or tvb:len() < 5 + first.length then return false end
  return tvb:range(5, first.length):raw() == ByteArray.new(first.value):raw()
end

-- Limits are known only in a session that was seen from its start: messages don't come first.
local function begins_inside(tvb)
  if tvb:len() < 5 then return false end
  local kind = frames[tvb:range(4, 1):uint()]
  return kind ~= nil and (kind.name == "MESSAGE" or kind.name == "REPLY")
end

local function session_of(tvb, pinfo)
  local source, target = pinfo.src_port .. " " .. tostring(pinfo.src), pinfo.dst_port .. " " .. tostring(pinfo.dst)
  local key = source < target and source .. " " .. target or target .. " " .. source
  local known = sessions[key] or {}
  sessions[key] = known
  local at = #known
  while at > 1 and known[at].first > pinfo.number do at = at - 1 end
  local session = known[at]
  local again = session and not pinfo.visited and session.first < pinfo.number and begins_session(tvb)
  if not session or (again and session.opened) then
    session = {
      first = pinfo.number,
      -- The server's port tells; else the client is who speaks first.
      server = is_talkbyte_port(pinfo.src_port) and source or target,
      whole = not begins_inside(tvb),
      http = talkbyte.prefs.pass_on_http and begins_like_http(tvb),
      broken = {},
      announced = limits.login,
    }
    table.insert(known, session)
  end
  session.opened = session.opened or begins_session(tvb)
  return session, source
end

local function limit_at(session, pinfo)
  if not session.whole then return limits.highest end
  if session.raised_at and pinfo.number >= session.raised_at then return session.raised end
  return limits.login
end

local function notice(session, pinfo, kind, body)
  if pinfo.visited or not kind then return end
  local announced = body.values["max-frame-bytes"]
  if kind.name == "WELCOME" and announced then session.announced = announced.number end
  if kind.name == "AUTHENTICATED" and not session.raised_at then
    session.raised, session.raised_at = session.announced, pinfo.number
  end
end

local function show_info(pinfo, summaries)
  if #summaries == 0 then return end
  pinfo.cols.protocol = "TalkByte"
  local before = pinfo.private["talkbyte"] and ", " or ""
  pinfo.cols.info:set(before .. table.concat(summaries, ", "))
  pinfo.cols.info:fence()
  pinfo.private["talkbyte"] = "1"
end

-- From here on nobody knows where frames begin in what this side sends.
local function break_off(session, pinfo, source, field)
  session.broken[source] = session.broken[source] or { at = pinfo.number, field = field }
end

-- A frame that isn't complete: the rest is asked for, or, where that can't be, what there is of it is shown.
local function begin_later(tvb, pinfo, tree, session, source, offset, missing)
  local here = tvb:len() - offset
  local root = tree:add(talkbyte, tvb:range(offset)):append_text("/" .. protocol.version .. ", a frame begins")
  root:add(any.begun, tvb:range(offset), here)
  if pinfo.can_desegment == 0 or tvb:len() < tvb:reported_len() then
    break_off(session, pinfo, source, any.unread)
    return
  end
  pinfo.desegment_offset = offset
  pinfo.desegment_len = missing or DESEGMENT_ONE_MORE_SEGMENT
end

local function read_frames(tvb, pinfo, tree, session, source)
  local summaries, offset, size = {}, 0, tvb:len()
  local broken = session.broken[source]
  if broken and (pinfo.number > broken.at or not pinfo.visited) then
    tree:add(talkbyte, tvb:range(0)):add(broken.field, tvb:range(0))
    return
  end
  while offset < size do
    if size - offset < 4 then
      begin_later(tvb, pinfo, tree, session, source, offset)
      break
    end
    local length, limit = tvb:range(offset, 4):uint(), limit_at(session, pinfo)
    local stop = offset + 4 + length
    if length > limit then
      local problem = length .. " is over the limit of " .. limit
      table.insert(summaries, read_faulty_length(tvb, offset, size, tree, "over_limit", problem))
      break_off(session, pinfo, source, any.discarded)
      break
    elseif length == 0 then
      table.insert(summaries, read_faulty_length(tvb, offset, stop, tree, "length_zero", "is 0"))
    elseif stop > size then
      begin_later(tvb, pinfo, tree, session, source, offset, stop - size)
      break
    else
      local text, body, kind = read_frame(tvb, offset, stop, tree, source == session.server)
      table.insert(summaries, text)
      notice(session, pinfo, kind, body)
    end
    offset = stop
  end
  show_info(pinfo, summaries)
end

-- No TalkByte frame begins like a TLS record or an HTTP request: its length would be above a hundred million.
local function begins_like_tls(tvb)
  if tvb:len() < 3 then return false end
  local type = tvb:range(0, 1):uint()
  return type >= 20 and type <= 23 and tvb:range(1, 1):uint() == 3 and tvb:range(2, 1):uint() <= 4
end

function talkbyte.dissector(tvb, pinfo, tree)
  if tvb:len() == 0 then return 0 end
  if begins_like_tls(tvb) then return Dissector.get("tls"):call(tvb, pinfo, tree) end
  local session, source = session_of(tvb, pinfo)
  if session.http then return Dissector.get("http"):call(tvb, pinfo, tree) end
  read_frames(tvb, pinfo, tree, session, source)
  return tvb:len()
end

local tcp_ports = DissectorTable.get("tcp.port")
local ports = talkbyte.prefs.ports
tcp_ports:add(ports, talkbyte)
function talkbyte.prefs_changed()
  if ports == talkbyte.prefs.ports then return end
  tcp_ports:remove(ports, talkbyte)
  ports = talkbyte.prefs.ports
  tcp_ports:add(ports, talkbyte)
end

DissectorTable.get("tls.alpn"):add(protocol.alpn, talkbyte)
-- For TLS without the ALPN, which a server answers with ERROR: Decode As, TLS port.
DissectorTable.get("tls.port"):add_for_decode_as(talkbyte)
