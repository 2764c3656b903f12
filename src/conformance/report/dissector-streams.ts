// The part of the dissector that finds the frames in a TCP stream, in Lua: reassembly, the limit in force, what is TLS or
// HTTP instead, and where Wireshark asks for it.

export const streamCode = String.raw`-- What is known of each session, by its addresses and ports. Wireshark reads a capture once from the start, as a rule
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
`;
