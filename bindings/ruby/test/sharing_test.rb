# frozen_string_literal: true

require_relative "helper"

# Readers and uploads in the hands of several threads, of their own blocks, and of their copies.
class SharingTest < OciregTest
  def setup
    @repository = new_repository
  end

  def blob(data) = "#{@repository}@#{client.put_blob(@repository, data)["digest"]}"

  # What the block gives in another thread.
  def aside(&block)
    thread = Thread.new(&block)
    thread.report_on_exception = false
    thread
  end

  # Each gets what it reads, or Busy at once; the end is everybody's.
  def test_several_threads_on_one_reader
    data = SecureRandom.bytes(3_000_000)
    reference = blob(data)
    [:read, :readpartial, :eof?].each do |last|
      reader = client.open_blob(reference)
      threads = Array.new(6) { aside { taken(reader) } }
      pieces = threads.map { |thread| thread.join(15) ? thread.value : flunk("it waits for ever") }
      assert_equal data.bytesize, pieces.sum
      case last
      when :read then assert_nil reader.read(1)
      when :readpartial then assert_raises(EOFError) { reader.readpartial(1) }
      else assert_predicate reader, :eof?
      end
    end
  end

  def taken(reader)
    count = 0
    loop do
      data = begin
        reader.read(3000)
      rescue Ocireg::Busy
        sleep 0.001
        next
      end
      return count unless data

      count += data.bytesize
    end
  end

  def test_a_reader_that_another_thread_waits_with_is_busy_at_once
    server = TCPServer.new("127.0.0.1", 0)
    Thread.new do
      peer = server.accept
      nil until peer.gets.strip.empty?
      peer.write("HTTP/1.1 200 x\r\nContent-Length: 1000\r\n\r\n")
      sleep
    end
    reader = client.open_blob("127.0.0.1:#{server.addr[1]}/a@#{Ocireg.digest("never")}", timeout: 1, size: 1000)
    thread = aside { reader.read }
    sleep 0.2
    [-> { reader.read }, -> { reader.readpartial(1) }, -> { reader.eof? }, -> { reader.each_chunk.to_a }].each do |use|
      fails_within(0.3, Ocireg::Busy) { use.call }
    end
    fails_within(2, Ocireg::TimeoutError) { thread.value }
    fails_within(0.3, Ocireg::TimeoutError) { reader.read }
  ensure
    server.close
  end

  # The block that a read waits for cannot wait for it.
  def test_a_block_that_uses_its_own_reader_and_upload
    data = SecureRandom.bytes(1_000_000)
    reference = blob(data)
    reader = upload = nil
    seen = []
    note = lambda do |use|
      seen << (use.call rescue $!.class) # rubocop:disable Style/RescueModifier
    end
    context = Ocireg::Context.new { reader && note.call(-> { reader.read }) }
    reader = client.open_blob(reference, context: context)
    assert_equal data, Timeout.timeout(10) { reader.read }
    assert_equal [Ocireg::Busy], seen.uniq

    seen.clear
    context = Ocireg::Context.new { upload && [-> { upload << "x" }, -> { upload.finish }, -> { upload.cancel }].each(&note) }
    upload = client.upload(@repository, context: context, chunk_size: 1000)
    upload << (data = data[0, 20_000])
    assert_equal Ocireg.digest(data), Timeout.timeout(10) { upload.finish }["digest"]
    assert_equal [Ocireg::Busy], seen.uniq
  end

  # A registry that takes no chunk; and what it was asked.
  def stubborn
    seen = Thread::Queue.new
    host = serve do |method, _, _|
      seen << method
      method == "PATCH" && sleep
      method == "POST" ? [202, { "Location" => "/v2/a/blobs/uploads/1" }, ""] : [204, {}, ""]
    end
    [host, seen]
  end

  def test_an_upload_is_ended_by_another_thread
    %i[cancel abandon].each do |ending|
      host, seen = stubborn
      upload = client.upload("#{host}/a")
      thread = aside { upload << ("x" * 20_000_000) }
      sleep 0.3
      fails_within(0.3, Ocireg::Busy) { upload << "x" }
      begun = now
      upload.public_send(ending)
      assert_operator now - begun, :<, 0.5
      fails_within(0.3, Ocireg::Closed) { thread.value }
      assert_predicate upload, :closed?
      assert_equal %w[POST PATCH DELETE], Timeout.timeout(2) { Array.new(3) { seen.pop } }
    end
  end

  def test_nothing_is_copied
    reference = blob("hello")
    reader = client.open_blob(reference)
    upload = client.upload(@repository)
    context = Ocireg::Context.new
    [client, client.v1, reader, upload, context].each do |object|
      handle = object.instance_variable_get(:@handle)
      [object, handle].compact.each do |it|
        %i[dup clone].each { |copy| assert_match(/cannot be copied/, assert_raises(TypeError) { it.public_send(copy) }.message) }
      end
    end
    3.times { GC.start && Array.new(10_000) { "x" } }
    assert_equal "hello", reader.read
    assert_equal Ocireg.digest("y"), (upload << "y").finish["digest"]
    assert_equal "hello", client.blob(reference, context: context)
  end

  def test_a_ractor_gets_no_copy
    script = <<~RUBY
      require "ocireg"
      Warning[:experimental] = false
      client = Ocireg::Client.new(plain_http: true)
      begin
        Ractor.new(client) { |it| it }
      rescue TypeError => e
        puts e.message
      end
      5.times { GC.start && Array.new(100_000) { "x" } }
      puts client.ping(#{registry.inspect})["status"]
    RUBY
    out = IO.popen([RbConfig.ruby, "-I", File.expand_path("../lib", __dir__), "-e", script], &:read)
    assert_equal "Ocireg::Client cannot be copied\n200\n", out
  end
end
