// The part of the dissector that reads one frame by the tables above it, in Lua. It reads as readFrame (../wire/frames.ts)
// does, fault for fault; a test holds the two together. For Lua 5.2 to 5.4, which Wireshark 4 has had so far.

export const frameCode = String.raw`local talkbyte = Proto("talkbyte", "TalkByte")

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
`;
