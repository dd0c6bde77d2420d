# frozen_string_literal: true

# Bytes for a passage, without the library.
module PassageFiller
  # Passes those bytes on, a given number at a time, on a separate thread.
  def filled(passage, data, random)
    place = 0
    thread = Thread.new do
      passage.fill do |pointer, room|
        part = data.byteslice(place, [room, random.rand(1..50)].min)
        place += part.bytesize
        pointer.put_bytes(0, part)
        part.bytesize
      end
    end
    yield passage
    thread.join
  end
end
