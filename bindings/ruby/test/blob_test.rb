# frozen_string_literal: true

require_relative "helper"

class BlobTest < OciregTest
  DATA = Random.new(1).bytes(3_000_000).freeze

  def setup
    @repository = new_repository
  end

  def big = @big ||= "#{@repository}@#{client.put_blob(@repository, DATA)["digest"]}"

  def test_there_and_back
    put = client.put_blob(@repository, "hello")
    reference = "#{@repository}@#{put["digest"]}"
    assert put["uploaded"]
    assert_equal "hello", client.blob(reference)
    assert_equal [Encoding::BINARY, true], [client.blob(reference).encoding, client.blob(reference).frozen?]
    assert client.blob?(reference)
    assert_equal 5, client.blob_head(reference)["size"]
    assert_equal "ell", client.blob(reference, offset: 1, length: 3)
    client.delete_blob(reference)
    refute client.blob?(reference)
    assert_raises(Ocireg::NotFound) { client.blob(reference) }
  end

  def test_sources
    digest = Ocireg.digest(DATA)
    Dir.mktmpdir do |folder|
      File.binwrite("#{folder}/data", DATA)
      assert_equal digest, client.put_blob(new_repository, Pathname("#{folder}/data"))["digest"]
      File.open("#{folder}/data", "rb") { |file| assert_equal digest, client.put_blob(new_repository, file)["digest"] }
    end
    assert_equal digest, client.put_blob(new_repository, StringIO.new(DATA), size: DATA.size, digest: digest)["digest"]
    assert_raises(Ocireg::InvalidArgument) { client.put_blob(new_repository, 5) }
    assert_raises(Ocireg::DigestMismatch) { client.put_blob(@repository, "x", digest: digest) }
  end

  def test_a_block_gets_the_progress
    Dir.mktmpdir do |folder|
      seen = []
      context = Ocireg::Context.new { raise "the block of the call counts" }
      assert_equal DATA.bytesize, client.blob_to_file(big, "#{folder}/a", context: context) { |*now| seen << now }["length"]
      assert_equal [DATA.bytesize, DATA.bytesize], seen.last
      assert_equal DATA.bytesize, context.progress["done"]
      assert_raises(ArgumentError) { client.blob_to_file(big, "#{folder}/b") { raise ArgumentError } }
      client.blob_to_io(big, StringIO.new) { |done, _| seen << done }
      assert_equal DATA.bytesize, seen.last
      there = client.blob_to_file(big, "#{folder}/a", if_exists: "skip", resume: false) { |*now| seen << now }
      assert there["skipped"]
      assert_equal [DATA.bytesize, DATA.bytesize], seen.last
    end
  end

  def test_destinations
    Dir.mktmpdir do |folder|
      assert_equal "#{folder}/a", client.blob_to_file(big, Pathname("#{folder}/a"))["path"]
      assert_equal DATA, File.binread("#{folder}/a")
      File.open("#{folder}/b", "wb") do |file|
        file.write("before ")
        assert client.blob_to_io(big, file)["verified"]
      end
      assert_equal "before ".b + DATA, File.binread("#{folder}/b")
    end
    out = StringIO.new
    client.blob_to_io(big, out)
    assert_equal DATA, out.string.b
    broken = Object.new
    def broken.write(*) = raise("no more")
    assert_equal "no more", assert_raises(RuntimeError) { client.blob_to_io(big, broken) }.message
    assert_raises(Ocireg::NotFound) { client.blob_to_io("#{@repository}@#{Ocireg.digest("none")}", StringIO.new) }
  end

  def test_reading_as_an_io
    client.open_blob(big) do |reader|
      assert_equal [DATA.size, big.split("@").last], [reader.size, reader.info["digest"]]
      buffer = +"old"
      assert_same buffer, reader.read(10, buffer)
      assert_equal DATA[0, 10], buffer
      assert_equal "", reader.read(0)
      assert_operator reader.readpartial(100).bytesize, :<=, 100
      position = reader.pos
      refute_predicate reader, :eof?
      assert_equal DATA[position, 1_000_000], reader.read(1_000_000)
      assert_equal DATA[(position + 1_000_000)..], reader.read
      assert_equal ["", nil, true, DATA.size], [reader.read, reader.read(1), reader.eof?, reader.pos]
      assert_raises(EOFError) { reader.readpartial(1) }
    end
  end

  # Whichever method was used first, reading can continue with any other.
  def test_chunks_and_reads_in_turns
    client.open_blob(big) do |reader|
      out = "".b
      reader.each_chunk(1000) { |chunk| break out << chunk }
      out << reader.read(1_000_000, buffer = +"") << reader.readpartial(77)
      assert_equal 1_000_000, buffer.bytesize
      refute_predicate reader, :eof?
      reader.each_chunk { |chunk| break out << chunk }
      out << reader.read(10) << reader.read
      assert_equal [DATA, true], [out, reader.eof?]
    end
  end

  def test_copy_stream_and_chunks
    out = StringIO.new
    assert_equal DATA.size, client.open_blob(big) { |reader| IO.copy_stream(reader, out) }
    assert_equal DATA, out.string.b
    assert_equal DATA, client.open_blob(big) { |reader| reader.each_chunk(1000).map { |chunk| chunk.bytesize <= 1000 && chunk }.join }
    assert_equal DATA, client.open_blob(big, &:to_a).join
    assert_equal "x", IO.copy_stream(StringIO.new("x"), file = StringIO.new) && file.string
    assert_equal "", client.open_blob("#{@repository}@#{client.put_blob(@repository, "")["digest"]}", &:read)
  end

  def test_a_closed_reader
    reader = client.open_blob(big)
    reader.read(1)
    reader.close
    reader.close
    assert_predicate reader, :closed?
    assert_raises(Ocireg::Closed) { reader.read(1) }
    assert_equal 5, client.open_blob(big) { 5 }
  end

  def test_an_interrupted_close_ends_the_transfer_too
    halting(DATA, 400_000) do |reader|
      reader.read(10)
      call = reader.instance_variable_get(:@call)
      assert_includes Ocireg::ReadAhead::LIVE, call
      reader.define_singleton_method(:shut) { raise IOError, "now" }
      assert_raises(IOError) { reader.close }
      sleep 0.3
      refute_includes Ocireg::ReadAhead::LIVE, call
    end
  end

  def test_a_reader_is_closed_while_another_thread_reads
    server = slow_blob
    reader = Ocireg::Client.new(plain_http: true).open_blob("127.0.0.1:#{server.addr[1]}/a@#{Ocireg.digest("never")}", size: 1000)
    thread = Thread.new { reader.read }
    thread.report_on_exception = false
    sleep 0.1
    reader.close
    fails_within(0.5, Ocireg::Closed) { thread.value }
  ensure
    server&.close
  end

  # A server that answers each request with this, and the paths that it was asked for.
  def mirror(answer)
    paths = []
    server = TCPServer.new("127.0.0.1", 0)
    Thread.new do
      loop do
        peer = server.accept
        paths << peer.gets.to_s.split[1]
        nil until peer.gets.to_s.strip.empty?
        peer.write(answer)
        peer.close
      end
    rescue IOError
      nil
    end
    [server, "127.0.0.1:#{server.addr[1]}", paths]
  end

  def test_mirrors
    lacks = mirror("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    has = mirror("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nright")
    client = Ocireg::Client.new(plain_http: true)
    client.set_host("registry.example", mirrors: [lacks[1], {endpoint: "#{has[1]}/proxy", by_digest_only: true}], mirrors_only: true)
    assert_equal "right", client.open_blob("registry.example/a@#{Ocireg.digest("right")}").read
    assert_equal 1, lacks[2].size
    assert_equal ["/v2/proxy/a/blobs/#{Ocireg.digest("right")}"], has[2]
    assert_raises(Ocireg::InvalidArgument) { client.set_host("registry.example", mirrors: [{push: true}]) }
  ensure
    [lacks, has].each { |server, *| server&.close }
  end

  # A registry that sends ten bytes of a blob and then nothing.
  def slow_blob
    TCPServer.new("127.0.0.1", 0).tap do |server|
      Thread.new do
        loop do
          peer = server.accept
          nil until peer.gets.to_s.strip.empty?
          peer.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nContent-Type: application/octet-stream\r\n\r\n0123456789")
          (@peers ||= []) << peer
        end
      rescue IOError
        nil
      end
    end
  end

  def test_an_interrupted_read
    server = slow_blob
    reader = Ocireg::Client.new(plain_http: true).open_blob("127.0.0.1:#{server.addr[1]}/a@#{Ocireg.digest("never")}", size: 1000)
    assert_equal "0123456789", reader.readpartial(100)
    2.times { fails_within(0.5, Timeout::Error) { Timeout.timeout(0.2) { reader.read } } }
    reader.close
    assert_raises(Ocireg::Closed) { reader.read }
  ensure
    server&.close
  end

  def test_an_exit_does_not_wait_for_an_open_reader
    server = slow_blob
    script = <<~RUBY
      require "ocireg"
      reader = Ocireg::Client.new(plain_http: true).open_blob("127.0.0.1:#{server.addr[1]}/a@#{Ocireg.digest("never")}", size: 1000)
      reader.readpartial(10)
      exit 7
    RUBY
    begun = now
    system(RbConfig.ruby, "-I", File.expand_path("../lib", __dir__), "-e", script)
    assert_equal 7, $?.exitstatus
    assert_operator now - begun, :<, 3
  ensure
    server&.close
  end

  def test_a_forgotten_reader_ends_its_transfer
    server = slow_blob
    10.times do
      Ocireg::Client.new(plain_http: true).open_blob("127.0.0.1:#{server.addr[1]}/a@#{Ocireg.digest("never")}", size: 1000).readpartial(10)
    end
    limit = now + 5
    GC.start && sleep(0.05) until Ocireg::ReadAhead::LIVE.size <= 2 || now > limit # the stack may hold the last ones
    assert_operator Ocireg::ReadAhead::LIVE.size, :<=, 2
  ensure
    server&.close
  end

  def test_an_interrupted_read_loses_nothing
    reader = client.open_blob(big)
    assert_raises(Timeout::Error) { Timeout.timeout(0.05) { reader.read(10) && sleep } }
    assert_equal DATA[10..], reader.read
  end

  # A registry that sends some bytes of a blob, and the others on request. Returns it, and a client's reader for it.
  def halting(data, first)
    server = TCPServer.new("127.0.0.1", 0)
    go = Thread::Queue.new
    Thread.new do
      peer = server.accept
      nil until peer.gets.to_s.strip.empty?
      peer.write("HTTP/1.1 200 OK\r\nContent-Length: #{data.bytesize}\r\nContent-Type: application/octet-stream\r\n\r\n")
      peer.write(data.byteslice(0, first))
      go.pop
      peer.write(data.byteslice(first..))
      peer.close
    end
    reader = Ocireg::Client.new(plain_http: true).open_blob("127.0.0.1:#{server.addr[1]}/a@#{Ocireg.digest(data)}", size: data.bytesize)
    yield reader, go
  ensure
    reader&.close
    server&.close
  end

  def test_an_interrupted_read_keeps_what_it_had
    halting(DATA, 400_000) do |reader, go|
      assert_raises(Timeout::Error) { Timeout.timeout(0.4) { reader.read(900_000) } }
      assert_equal 0, reader.pos
      assert_raises(Timeout::Error) { Timeout.timeout(0.2) { reader.read } }
      assert_equal DATA[0, 1000], reader.read(1000)
      out = String.new("before")
      assert_raises(Timeout::Error) { Timeout.timeout(0.2) { reader.read(nil, out) } }
      go << true
      assert_equal DATA[1000..], reader.read(nil, out)
      assert_equal [DATA.size, true], [reader.pos, reader.eof?]
      assert_equal DATA.size, out.size + 1000
    end
  end

  def test_what_is_known_while_reading
    halting(DATA, 400_000) do |reader, go|
      reader.read(10)
      sleep 0.1 # the next bytes are being waited for
      assert_equal [DATA.size, Ocireg.digest(DATA)], [reader.size, reader.info["digest"]]
      assert_deep_frozen reader.info
      go << true
      reader.read
      assert_equal DATA.size, reader.size
      reader.close
      assert_raises(Ocireg::Closed) { reader.size }
    end
  end

  def test_storms_of_interrupts_lose_no_bytes
    reader = client.open_blob(big)
    parts = []
    begun = Thread::Queue.new
    reading = Thread.new do
      Thread.handle_interrupt(IOError => :never) do # except during the reads
        begun << true
        until reader.eof?
          begin
            part = nil
            Thread.handle_interrupt(IOError => :on_blocking) { part = reader.read(30_000) }
          rescue IOError
            nil
          end
          parts << part if part
        end
      end
    end
    reading.report_on_exception = false
    begun.pop
    while reading.alive?
      reading.raise(IOError, "now")
      sleep 0.0005
    end
    begin
      reading.join
    rescue IOError
      nil # one that was abandoned
    end
    assert_equal DATA, parts.join
  end

  def test_an_interrupt_with_the_error_in_hand
    server = slow_blob
    reader = Ocireg::Client.new(plain_http: true, timeout: 0.2)
                           .open_blob("127.0.0.1:#{server.addr[1]}/a@#{Ocireg.digest("never")}", size: 1000)
    3.times { fails_within(0.5, Ocireg::TimeoutError) { reader.read } }
    assert_equal "0123456789", reader.readpartial(100)
    fails_within(0.5, Ocireg::TimeoutError) { reader.readpartial(100) }
  ensure
    server&.close
  end

  def test_who_gets_bytes_may_change_them
    client.open_blob(big) do |reader|
      parts = []
      parts << reader.readpartial(10_000_000).dup until reader.eof?.tap { parts.last&.<<("X") }
      assert_equal DATA.size, parts.sum(&:bytesize) - parts.size
    end
    seen = client.open_blob(big) do |reader|
      reader.each_chunk.map { |chunk| chunk.dup.tap { chunk << "X" } }
    end
    assert_equal DATA, seen.join
    client.open_blob(big) do |reader|
      part = reader.readpartial(10_000_000)
      copy = part.dup
      part << "X"
      assert_equal DATA, copy + reader.read
    end
  end

  def test_a_cancelled_read
    server = slow_blob
    context = Ocireg::Context.new
    reader = Ocireg::Client.new(plain_http: true)
                           .open_blob("127.0.0.1:#{server.addr[1]}/a@#{Ocireg.digest("never")}", size: 1000, context: context)
    thread = Thread.new { reader.read }
    thread.report_on_exception = false
    sleep 0.1
    context.cancel
    fails_within(0.3, Ocireg::Cancelled) { thread.value }
    assert_raises(Ocireg::Cancelled) { reader.read }
  ensure
    server&.close
  end

  def test_uploads
    result = client.upload(@repository) { |upload| IO.copy_stream(StringIO.new(DATA), upload) }
    assert_equal [Ocireg.digest(DATA), DATA.size], result.values_at("digest", "size")
    upload = client.upload(@repository, chunk_size: 1_000_000)
    upload << "hel" << "lo"
    assert_equal [5, 5], [upload.pos, upload.write("wo", "rld")]
    assert_equal Ocireg.digest("helloworld"), upload.flush.finish(Ocireg.digest("helloworld"))["digest"]
    assert_raises(Ocireg::Closed) { upload.write("x") }
  end

  # An interrupt just before the bytes are passed to the library, and just after.
  def test_an_interrupted_upload_is_broken
    [false, true].each do |after|
      upload = client.upload(@repository)
      call = upload.instance_variable_get(:@call)
      call.define_singleton_method(:run) do |&block|
        super(&block) if after
        raise IOError, "now"
      end
      assert_raises(IOError) { (upload << ("x" * 2_000_000)).flush }
      call.singleton_class.remove_method(:run)
      assert_raises(Ocireg::Cancelled) { upload << "y" }
      assert_raises(Ocireg::Cancelled) { upload.flush }
      assert_raises(Ocireg::Cancelled) { upload.finish }
      assert_raises(Ocireg::Cancelled) { upload.save }
      refute_predicate upload, :closed?
      upload.cancel
      assert_raises(Ocireg::Closed) { upload.finish }
    end
  end

  def test_an_upload_is_as_good_as_before_a_wrong_argument
    upload = client.upload(@repository)
    upload << "x"
    assert_raises(Ocireg::InvalidArgument) { upload.finish("a\0") }
    assert_equal Ocireg.digest("x"), upload.finish["digest"]
  end

  # Its context releases it, even if the registry does not answer.
  def test_an_upload_that_cannot_be_cancelled
    context = Ocireg::Context.new
    upload = client.upload(@repository, context: context)
    upload.instance_variable_get(:@call).define_singleton_method(:run) { |&_| raise IOError, "now" }
    assert_raises(IOError) { upload.cancel }
    assert_empty context.instance_variable_get(:@calls)
  end

  # A registry that takes no chunk: what a client does with its upload. Returns the host and the requests.
  def stubborn
    seen = Thread::Queue.new
    host = serve do |method, _, _|
      seen << method
      case method
      when "POST" then [202, { "Location" => "/v2/a/blobs/uploads/1" }, ""]
      when "PATCH" then sleep
      else [204, {}, ""]
      end
    end
    [host, seen]
  end

  def assert_cancelled(seen)
    seen = Timeout.timeout(2) { Array.new(3) { seen.pop } }
    assert_equal %w[POST PATCH DELETE], seen
  end

  # Whatever has ended an upload, its session does not stay at the registry.
  def test_an_upload_that_was_ended_is_cancelled_at_the_registry
    pushed = ->(upload) { upload << ("x" * 20_000_000) }
    host, seen = stubborn
    assert_raises(Timeout::Error) { Timeout.timeout(0.3) { client.upload("#{host}/a", &pushed) } }
    assert_cancelled(seen)

    host, seen = stubborn
    assert_raises(Ocireg::TimeoutError) { client.upload("#{host}/a", timeout: 0.3, &pushed) }
    assert_cancelled(seen)

    host, seen = stubborn
    context = Ocireg::Context.new
    upload = client.upload("#{host}/a", context: context)
    Thread.new { sleep(0.3) && context.cancel }
    assert_raises(Ocireg::Cancelled) { pushed.call(upload) }
    assert_nil upload.cancel
    assert_cancelled(seen)
    assert_empty context.instance_variable_get(:@calls)
  end

  def test_uploads_that_come_to_nothing
    error = assert_raises(RuntimeError) do
      client.upload(@repository) do |upload|
        upload << "given up"
        raise "stop"
      end
    end
    assert_equal "stop", error.message
    upload = client.upload(@repository)
    upload.cancel
    upload.cancel
    assert_predicate upload, :closed?
    assert_raises(Ocireg::DigestMismatch) { client.upload(@repository) { |other| (other << "x").finish(Ocireg.digest("y")) } }
    refute client.blob?("#{@repository}@#{Ocireg.digest("given up")}")
  end

  def test_upload_sessions
    session = client.upload_session(@repository)
    session = session.chunk("hel")
    assert_equal 3, session.status.offset
    assert_deep_frozen session.to_h
    resumed = client.resume_upload(session.to_h)
    assert_equal Ocireg.digest("hello"), resumed.finish(Ocireg.digest("hello"), "lo")["digest"]
    assert_nil client.upload_session(@repository).cancel
    saved = client.upload(@repository)
    saved << "abc"
    assert_equal 3, client.resume_upload(saved.save).offset
  end

  def test_a_layout_as_a_store
    Dir.mktmpdir do |folder|
      layout = "oci:#{folder}/layout"
      digest = client.put_blob(@repository, "{}")["digest"]
      assert client.copy_blob("#{@repository}@#{digest}", layout)["uploaded"]
      refute client.put_blob(layout, "{}")["uploaded"]
      config = { mediaType: "application/vnd.oci.empty.v1+json", digest: digest, size: 2 }
      manifest = JSON.generate(schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", layers: [], config: config)
      put = client.put_manifest("#{layout}:v1", manifest, if_exists: "fail")
      assert_equal "locked", put["condition"]
      client.tag_image("#{layout}:v1", "v2")
      assert_nil client.delete_tag("#{layout}:v1")["status"]
      assert_equal put["digest"], client.manifest_digest("#{layout}:v2")
      assert_equal "{}", client.blob("#{layout}@#{digest}")
      client.delete_manifest("#{layout}@#{put["digest"]}")
      assert_raises(Ocireg::NotFound) { client.manifest("#{layout}@#{put["digest"]}") }
    end
  end

  def test_mounts
    other = new_repository
    digest = client.put_blob(@repository, "mounted")["digest"]
    assert client.mount_blob("#{other}@#{digest}", from: @repository)["mounted"]
    assert client.blob?("#{other}@#{digest}")
    assert_equal true, client.put_blob(new_repository, "mounted", mount_from: [@repository])["mounted"]
  end
end
